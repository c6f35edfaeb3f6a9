"""IPv4: header checks and marks, header edits, checksums, encapsulation, route lookup."""
