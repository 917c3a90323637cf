// Command oracle checks, with golang.org/x/mod/sumdb, what the Python log wrote: it opens the signed note and
// checks every root, inclusion proof and consistency proof of a JSON document on standard input.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type inclusion struct {
	Index  int64    `json:"index"`
	Leaf   string   `json:"leaf"`
	Hashes []string `json:"hashes"`
}

type consistency struct {
	Old    int64    `json:"old"`
	Root   string   `json:"root"`
	Hashes []string `json:"hashes"`
}

type document struct {
	Vkey        string        `json:"vkey"`
	Note        string        `json:"note"`
	Size        int64         `json:"size"`
	Root        string        `json:"root"`
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
}

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

func decode(text string) []byte {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		fail("base64: %v", err)
	}
	return raw
}

func hash(text string) (h tlog.Hash) {
	if copy(h[:], decode(text)) != len(h) {
		fail("hash of another length")
	}
	return h
}

func hashes(texts []string) []tlog.Hash {
	found := make([]tlog.Hash, len(texts))
	for i, text := range texts {
		found[i] = hash(text)
	}
	return found
}

func main() {
	var d document
	if err := json.NewDecoder(os.Stdin).Decode(&d); err != nil {
		fail("json: %v", err)
	}
	verifier, err := note.NewVerifier(d.Vkey)
	if err != nil {
		fail("vkey: %v", err)
	}
	opened, err := note.Open([]byte(d.Note), note.VerifierList(verifier))
	if err != nil {
		fail("note: %v", err)
	}
	var origin, root string
	var size int64
	if _, err := fmt.Sscanf(opened.Text, "%s\n%d\n%s\n", &origin, &size, &root); err != nil {
		fail("checkpoint: %v", err)
	}
	if origin != verifier.Name() || size != d.Size || root != d.Root {
		fail("checkpoint says %s %d %s", origin, size, root)
	}
	for _, each := range d.Inclusion {
		leaf := tlog.RecordHash(decode(each.Leaf))
		if err := tlog.CheckRecord(hashes(each.Hashes), d.Size, hash(d.Root), each.Index, leaf); err != nil {
			fail("inclusion of %d: %v", each.Index, err)
		}
	}
	for _, each := range d.Consistency {
		if err := tlog.CheckTree(hashes(each.Hashes), d.Size, hash(d.Root), each.Old, hash(each.Root)); err != nil {
			fail("consistency from %d: %v", each.Old, err)
		}
	}
	fmt.Printf("%d signatures, %d inclusion, %d consistency\n", len(opened.Sigs), len(d.Inclusion), len(d.Consistency))
}
