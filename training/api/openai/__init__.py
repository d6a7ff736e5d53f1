"""An API as OpenAI has it, for the programs that speak it: `/v1/models` and `/v1/chat/completions`."""
