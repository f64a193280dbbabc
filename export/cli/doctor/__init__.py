"""Is this installation sound? What `zoo doctor` looks at; nothing here prints."""
