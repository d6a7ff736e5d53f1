"""Gold questions: marking them, mixing them into rounds, giving them out, and what people answer."""
