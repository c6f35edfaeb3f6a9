"""Where packets come from and go to: interfaces, captures, generators."""
