"""What a number of people say, where each gave votes of their own."""

import numpy as np

from .proportions import wilson
from .ratios import Estimate
from .sequential import Column, Ids


def mean_of_people(value: Column, person: Ids, prompt: Ids, level: float) -> Estimate:
    """The mean over people of the mean of each one's votes, with its interval; columns of N votes in [0, 1].

    A person counts once, however many votes they gave. Votes of one person go together, and so do votes about
    one prompt. However the variance p (1 − p) of a vote is divided among people, prompts and chance, that of
    the mean is at most p (1 − p) / n, where n is the number of people or, if these are fewer, of prompts
    (their effective number, Kish 1965): the interval is Wilson's of n trials.
    """
    _people, person = np.unique(person, return_inverse=True)
    _prompts, prompt = np.unique(prompt, return_inverse=True)
    numbers = np.bincount(person)
    weight = 1 / (len(numbers) * numbers[person])  # adds up to 1, and to the same for each person
    mean = min(1.0, float(weight @ value))
    prompts = 1 / float((np.bincount(prompt, weight) ** 2).sum())
    return Estimate(mean, *wilson(mean, min(len(numbers), prompts), level))
