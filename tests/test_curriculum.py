"""Every subject of the workshop, and what it left out, is taught and computed here.

What must be on a page is written down in this file and nowhere in the pages' code: the
numbers come from the workshop's own outputs or from arithmetic on paper.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"

#: What a page must speak of, in its prose or its code; alternatives stand behind a bar.
SUBJECTS = {
    "foundations/neurons": "activation function, ReLU, logistic, tanh, hidden, deep, "
    "recurrent",
    "foundations/multilayer_perceptron": "fully connected, hidden layer, XOR, "
    "parameters, linearly separable|separable",
    "foundations/naming": "loss, risk, sigmoid, logit, cross-entropy, epoch, kernel, "
    "cross-correlation, dim, axis",
    "tools/frameworks": "TensorFlow, PyTorch, Torch, Caffe, Caffe2, Keras, fast.ai, "
    "MATLAB, JAX, Flax, Lightning, ONNX, MLX, tinygrad, license",
    "tools/gpus": "overhead-bound, memory-bound, compute-bound, fusion, tensor cores",
    "tools/speed": "synchronize, warm-up|warm up, bandwidth, crossover|crosses|faster",
    "pytorch/devices": ".to(, device=, torch.accelerator",
    "pytorch/tensors": "dtype, shape, device, NumPy, 60 Minute Blitz",
    "pytorch/function_graph": "graph, operation",
    "pytorch/forward_graph": "requires_grad, grad_fn, next_functions, AccumulateGrad",
    "pytorch/backward_graph": "backward(), no_grad, detach, leaf, chain rule",
    "pytorch/gradient_descent": "torch.optim.SGD, zero_grad, learning rate",
    "pytorch/modules": "nn.Module, nn.Parameter, super().__init__(), forward",
    "pytorch/building_blocks": "nn.Linear, nn.MSELoss, broadcasting",
    "training/mini_batches": "Dataset, __len__, __getitem__, TensorDataset, "
    "random_split, DataLoader, shuffle, drop_last, generator, collate_fn, num_workers, "
    "pin_memory, worker_init_fn|seed, WeightedRandomSampler, epoch, step",
    "training/initialization": "LeCun, Xavier, Glorot, He, nn.init, no_grad, "
    "manual_seed, nn.Linear, tanh, ReLU",
    "training/several_classes": "softmax, logsumexp|log-sum-exp, CrossEntropyLoss, "
    "1,797 digits, confusion matrix, int64",
    "training/generalization": "validation, test set, overfitting|overfits, "
    "weight_decay, Dropout, early stopping, augmentation, train(), eval(), "
    "k-fold|folds",
    "training/optimizers": "momentum, Nesterov, RMSprop, Adam, AdamW, warm-up, StepLR, "
    "cosine, OneCycleLR, ReduceLROnPlateau, scheduler.step()|schedule.step()",
    "training/vision": "conv2d, cross-correlation, pooling, BatchNorm2d|BatchNorm, "
    "nn.Sequential, torchvision, transforms, datasets, models, weights",
    "training/monitoring": "SummaryWriter, add_scalar, add_histogram, add_image, "
    "add_graph, add_hparams, tensorboard --logdir, tensorboardX, progress bar|tqdm, "
    "state_dict, weights_only",
    "pytorch/own_autograd": "topological, broadcasting, vector-Jacobian, forward mode, "
    "reverse mode, torch.autograd.Function, gradcheck, XOR",
    "tools/several_processes": "torchrun, gloo, DistributedDataParallel, "
    "DistributedSampler, set_epoch, FSDP, all_reduce",
    "lab/lab_data": "malignant, radius_mean, texture_mean, Wolberg, CC BY 4.0",
    "lab/lab_logistic": "nn.Module, BCEWithLogitsLoss, train_step, evaluate",
    "lab/lab_perceptron": "AdamW, schedule, load_state_dict",
    "lab/lab_expert": "BCELoss, interval, confusion matrix, thirty",
    "lab/lab_2019": "stuck, stability",
}

#: What a page's code must print, as it is printed.
NUMBERS = {
    "pytorch/tensors": ["19"],
    "pytorch/function_graph": ["6., 8.", "7., 10.", "95", "19"],
    "pytorch/forward_graph": ["DivBackward0", "DotBackward0", "AddBackward0"],
    "pytorch/backward_graph": ["1.0000, 1.2000", "1.4000, 2.0000", "None"],
    "pytorch/gradient_descent": ["-0.40", "0.16", "-0.06"],
    "pytorch/devices": ["6."],
    "pytorch/modules": ["0.32", "0.54", "1.21", "1.92", "-1.01"],
    "lab/lab_data": ["569", "341", "113", "115", "512"],
    "lab/lab_2019": ["0.096", "100,000|100000", "0.078|9 of 115"],
    "training/mini_batches": ["11", "21"],
}


def page(name: str) -> str:
    """The Markdown of a page."""
    return (DOCS / f"{name}.md").read_text("utf-8")


def missing(wanted: list[str], text: str) -> list[str]:
    """What stands nowhere in a text as a word of its own, in none of its spellings."""

    def stands(word: str) -> bool:
        before = r"(?<!\w)" if word[0].isalnum() else ""
        after = r"(?!\w)" if word[-1].isalnum() else ""
        any_case = re.IGNORECASE if word.islower() else 0
        return bool(re.search(before + re.escape(word) + after, text, any_case))

    return [each for each in wanted if not any(map(stands, each.split("|")))]


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_page_speaks_of_what_it_must_teach(name: str) -> None:
    assert missing(SUBJECTS[name].split(", "), page(name)) == []


@pytest.mark.parametrize("name", NUMBERS)
def test_a_pages_code_prints_the_numbers_that_must_come_out(name: str) -> None:
    fences = re.findall(r"(?ms)^ *```text\n(.*?)^ *```$", page(name))
    assert missing(NUMBERS[name], "\n".join(fences)) == []


def test_every_chapter_has_its_row_and_only_chapters_have() -> None:
    parts = ("foundations", "pytorch", "training", "lab", "tools")
    chapters = {
        path.relative_to(DOCS).with_suffix("").as_posix()
        for part in parts
        for path in (DOCS / part).glob("*.md")
    }
    assert chapters == set(SUBJECTS)
