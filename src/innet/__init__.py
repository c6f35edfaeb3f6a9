"""In-Net: packet processing for tenants an operator does not trust, proven before it runs (EuroSys'15)."""

__version__ = "0.1.0"
