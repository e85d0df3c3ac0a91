"""What every page stands on: hosts, headers, forms, texts, templates and error pages."""
