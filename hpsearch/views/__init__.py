"""What a person looks at: live view, tables, JSON, the preview sheet."""
