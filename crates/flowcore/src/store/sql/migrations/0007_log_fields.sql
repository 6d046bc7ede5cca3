-- What a line says beside its message, as a JSON object; NULL if there is nothing.
ALTER TABLE logs ADD COLUMN fields {text};
