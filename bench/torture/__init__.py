"""Torture of the ledger: kills, full disks, failing disks, stepping clocks, lying commits; see ``campaign``."""
