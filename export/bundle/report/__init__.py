"""The report of an export: the page report.html, and the texts that the terminal tables share with it."""
