"""Where IPRateMonitor writes the rates it measured: annotation bytes, 4 each (ELEMENTS 2.3)."""

FWD_RATE, REV_RATE = 20, 24
