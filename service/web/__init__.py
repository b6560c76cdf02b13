"""The console's files. Plain HTML, CSS and JavaScript, served as they are, nothing from elsewhere.

Text from the database reaches the page through ``textContent`` only.
"""
