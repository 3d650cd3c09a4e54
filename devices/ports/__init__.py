"""Places for devices that bind a sale: payment terminals and fiscal registrars; their drivers come later."""
