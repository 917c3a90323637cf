"""The stored spectrum along an alignment: whether two sounds are one, and where they differ."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.evidence import Segment
from provenance.fingerprint.sound import MEL_RATE
from provenance.match.path import Line

Mel = NDArray[np.uint8]
Levels = NDArray[np.float64]

# Rows by which the spectra are moved against each other to find the best agreement; alignment by codes is
# good to .12 s.
_SHIFTS = np.arange(-2, 2.01, 0.5)
_MIN_ROWS = 20


def spectrum_agreement(copy_mel: Mel, ref_mel: Mel, segment: Segment) -> float:
    rows, there = _pair(copy_mel, ref_mel, segment)
    best = 0.0
    for shift in _SHIFTS:
        a, b = _rows(copy_mel, rows), _rows(ref_mel, there + shift)
        best = max(best, corr(a, b))
    return best
def corr(a,b):
    a=a-a.mean(0); b=b-b.mean(0)
    n=np.sqrt((a*a).sum()*(b*b).sum())
    return float((a*b).sum()/n) if n>0 else 0.0
def corr2(a,b):
    a=a-a.mean(1,keepdims=True); b=b-b.mean(1,keepdims=True)
    return corr(a,b)
def _pair(copy_mel, ref_mel, segment):
    line=Line.of(segment)
    r=np.arange(int(np.ceil(segment.copy.start_s*MEL_RATE)), min(len(copy_mel), int(segment.copy.end_s*MEL_RATE)+1))
    t=line.along(r/MEL_RATE)*MEL_RATE
    ok=(t>=2)&(t<=len(ref_mel)-3)
    return r[ok],t[ok]
def _rows(mel, at):
    at=np.clip(at,0,len(mel)-1); lo=np.floor(at).astype(int); hi=np.minimum(lo+1,len(mel)-1); f=(at-lo)[:,None]
    return mel[lo]*(1-f)+mel[hi]*f
