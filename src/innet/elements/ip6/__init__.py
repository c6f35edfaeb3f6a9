"""IPv6: header checks and marks, header edits, encapsulation, route lookup, errors, neighbour discovery."""
