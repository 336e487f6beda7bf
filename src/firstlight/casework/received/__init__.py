"""What others sent: a package, a VICS file, CyberTips; one file a form, and the document that each file becomes."""
