"""The learning engine: supervised fine-tuning, reward model, PPO, sampling and evaluation.

It knows no web site and no database. `python -m training.rlhf STAGE RUN_DIR` reads and writes one run
directory only (see `rundir`), so the same command serves a laptop, a worker and a cluster.
"""
