"""A first vision model: the parts that torchvision brings."""

# %% torchvision
from importlib.metadata import requires
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from sklearn.datasets import load_digits
from torch import nn

try:
    import torchvision
    from torchvision import datasets, models
    from torchvision.transforms import v2

    needs = [
        each for each in requires("torchvision") if each[:5] == "torch"
    ]
    print("torchvision", torchvision.__version__[:6], "needs", *needs)
except (ImportError, RuntimeError):  # missing, or made for another PyTorch
    torchvision = None
    print("To run these cells: python3 -m pip install torchvision")

# %% write
pixels, classes = load_digits(return_X_y=True)
temporary = TemporaryDirectory()  # deleted at the end
folder = Path(temporary.name)
if torchvision:
    for number in range(100):
        place = folder / "digits" / str(classes[number])
        place.mkdir(parents=True, exist_ok=True)
        gray = torch.tensor(pixels[number] * 15, dtype=torch.uint8)
        torchvision.io.write_png(
            gray.reshape(1, 8, 8), str(place / f"{number:03}.png")
        )
    print(sorted(path.name for path in (folder / "digits").iterdir()))

# %% transforms
if torchvision:
    prepare = v2.Compose(
        [
            v2.Grayscale(),  # one channel
            v2.ToImage(),  # from Pillow's image to a tensor (1, 8, 8)
            v2.ToDtype(torch.float32, scale=True),  # 0 to 255 become 0 to 1
            v2.Normalize(mean=[0.3], std=[0.4]),  # (x - 0.3) / 0.4
        ]
    )

# %% image-folder
if torchvision:
    data = datasets.ImageFolder(folder / "digits", transform=prepare)
    print(len(data), "images,", len(data.classes), "classes")
    image, kind = data[0]
    print("shape", tuple(image.shape), "class", data.classes[kind])
    by_hand = (pixels[0].reshape(8, 8) * 15 / 255 - 0.3) / 0.4
    error = (image[0].to(torch.float64) - torch.tensor(by_hand)).abs().max()
    print("as by hand:", error.item() < 1e-6)

# %% augment
if torchvision:
    torch.manual_seed(0)
    vary = v2.RandomAffine(degrees=10, translate=(0.125, 0.125))
    print("twice the same:", torch.equal(vary(image), vary(image)))

# %% resnet
if torchvision:
    torch.manual_seed(0)
    model = models.resnet18(weights=None, num_classes=10)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    x = torch.rand(4, 3, 64, 64)
    z = model(x)  # (4, 10)
    print("logits", tuple(z.shape))
    J = nn.functional.cross_entropy(z, torch.tensor([0, 1, 2, 3]))
    J.backward()
    print("gradients", all(p.grad is not None for p in model.parameters()))

# %% save
if torchvision:
    torch.save(model.state_dict(), folder / "resnet18.pt")
    again = models.resnet18(weights=None, num_classes=10)
    again.load_state_dict(torch.load(folder / "resnet18.pt"))
    with torch.no_grad():
        same = torch.equal(model.eval()(x), again.eval()(x))
    print("the same logits:", same)

# %% pretrained
if torchvision:
    weights = models.ResNet18_Weights.DEFAULT  # a description, no download
    print(weights, "of", len(weights.meta["categories"]), "classes")
    print(f"{weights.meta['num_params']:,} parameters")
    size = tuple(weights.transforms()(torch.rand(3, 300, 400)).shape)
    print("its own transforms give", size)

# %% head
if torchvision:
    model = models.resnet18(weights=None)  # a reader passes weights=weights
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    model.fc = nn.Linear(512, 10)  # new, so it is trained
    trained = [n for n, p in model.named_parameters() if p.requires_grad]
    print(trained, sum(p.numel() for p in model.fc.parameters()))
