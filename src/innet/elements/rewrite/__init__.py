"""Rewriters: elements that change a flow's addresses and ports and change its replies back (NAT, stateful firewall)."""
