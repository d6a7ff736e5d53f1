"""The models of a stage as shadows: the base, and the adapters that the stage adds to it."""

from typing import Any

import torch
from peft import inject_adapter_in_model
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from training.rlhf.model.adapters import SharedBase, lora_config, read_adapter
from training.rlhf.model.reward_head import SCORE, member_folders
from training.rlhf.plan.meta_model import Shadow
from training.rlhf.recipes import LoRARecipe, Recipe
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.evaluate.recipe import EvaluateRecipe
from training.rlhf.stages.generate.recipe import GenerateRecipe
from training.rlhf.stages.ppo.recipe import PPORecipe
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.rlhf.stages.sft.recipe import SFTRecipe


class ShadowModels:
    """A stage's models as shadows, with what their weights take; `learned` names the adapter that learns."""

    def __init__(self, directory: RunDirectory, recipe: Recipe, location: str) -> None:
        self.directory, self.recipe, self.location = directory, recipe, location
        self.shadow = Shadow()
        kind: Any = AutoModelForCausalLM
        settings = {}
        if isinstance(recipe, RewardRecipe):
            kind, settings = AutoModelForSequenceClassification, {"num_labels": 1}
        self.model = self.shadow.model(location, recipe.dtype, kind, **settings)
        self.parameters = sum(each.numel() for each in self.model.parameters())
        self.base_bytes = sum(each.numel() * each.element_size() for each in self.model.parameters())
        self.base = SharedBase(self.model)
        self.hidden = self.base.hidden_size
        self.learned: str | None = None
        with torch.device("meta"):
            self.adapter_bytes = self._add_adapters()
        self.trainable = sum(each.numel() for each in self.model.parameters() if each.requires_grad)
        if isinstance(recipe, RewardRecipe):
            self.trainable += self.hidden  # peft trains a copy of the score head
        self.shadow.bring_in(self.model)

    def _add_adapters(self) -> int:
        """Add what the stage adds to the base; returns the bytes of all adapters."""
        recipe = self.recipe
        if isinstance(recipe, SFTRecipe) and not recipe.lora_r:
            self.model.requires_grad_(True)
            return 0
        copies = 0
        if isinstance(recipe, PPORecipe):
            self._add_policy(recipe)
            self._add("reward", recipe.reward_adapter)
            copies = 1  # the last good policy
        elif isinstance(recipe, LoRARecipe):
            self._add_fresh("policy", recipe)
        elif isinstance(recipe, EvaluateRecipe):
            self._add("reward", recipe.reward_adapter)
            self._add("baseline", recipe.baseline_adapter)
            self._add("policy", recipe.candidate_adapter)
        elif isinstance(recipe, GenerateRecipe):
            self._add("policy", recipe.policy_adapter)
        loras = sum(each.numel() for name, each in self.model.named_parameters() if "lora_" in name)
        if self.learned is None:
            return 4 * loras
        self.base.train(self.learned)
        return 4 * (loras + copies * sum(each.numel() for each in self.base.parameters(self.learned)))

    def _add_policy(self, recipe: PPORecipe) -> None:
        if recipe.policy_adapter is None:
            self._add_fresh("policy", recipe)
        else:
            self._add("policy", recipe.policy_adapter)
            if not recipe.reanchor:
                self._add("reference", recipe.policy_adapter)
        self.learned = "policy"

    def _add_fresh(self, name: str, recipe: LoRARecipe) -> None:
        config = lora_config(self.model, r=recipe.lora_r, alpha=recipe.lora_alpha, target=recipe.lora_target)
        if isinstance(recipe, PPORecipe):
            self.base.add(name, config)
        else:  # TRL's trainers use peft's own layers
            inject_adapter_in_model(config, self.model, adapter_name=name)
        self.learned = name

    def _add(self, name: str, folder: str | None) -> None:
        """Add an adapter, or the members of a reward ensemble as `load_reward` names them."""
        if folder is not None:
            for number, member in enumerate(member_folders(self.directory.resolve(folder))):
                config, weights = read_adapter(member)
                called = f"{name}-{number}" if number else name
                self.base.add_from(member, called, config, {k: v for k, v in weights.items() if k != SCORE})
