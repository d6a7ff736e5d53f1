"""The demonstration: a real small chat model as its base, and a first round of its answers.

guidelines.md and practice.jsonl are for volunteers. answers.jsonl has what the model said to the corpus's
questions, as `python -m training.demonstration` sampled it with recipe.json.
"""
