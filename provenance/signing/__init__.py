"""Keys, certificates, trust lists and C2PA manifests."""
