"""The published depth networks: what each one is, its licence, and where its weights come from.

Digests and sizes were read from the publishers' own pages (Git LFS pointers); where a publisher's file says none that
could be found, the digest is empty, and the file is checked only by being a whole checkpoint of the right shape.
Licences are those of each project's notice. Where a model's own page says another one than the project does, the
stricter is taken.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from video3d.depth_model import DepthKind, InputSize, Weights

MEBIBYTE = 1 << 20
APACHE = "Apache-2.0"
MIT = "MIT"
NON_COMMERCIAL = "CC-BY-NC-4.0"
HUGGING_FACE = "https://huggingface.co/depth-anything"
MIDAS_RELEASES = "https://github.com/isl-org/MiDaS/releases/download"
DEPTH_ANYTHING_SIZE = InputSize(392, 14, native=518)
MIDAS_SIZE = InputSize(384, 32)


class Network(str, enum.Enum):
    """A network that there is code for."""

    DEPTH_ANYTHING_SMALL = "Depth Anything, small"
    DEPTH_ANYTHING_BASE = "Depth Anything, base"
    DEPTH_ANYTHING_LARGE = "Depth Anything, large"
    VIDEO_DEPTH_ANYTHING_SMALL = "Video Depth Anything, small"
    DPT_LARGE = "MiDaS DPT, large"
    DPT_HYBRID = "MiDaS DPT, hybrid"
    MIDAS_SMALL = "MiDaS 2.1, small"


@dataclass(frozen=True)
class Published:
    """A published model, without what depends on the place it runs in."""

    id: str
    label: str
    network: Network
    kind: DepthKind
    licence: str
    input_size: InputSize
    quality: int
    """Rank among all models (see `DepthModel`)."""
    weights: Weights
    memory: int
    """Bytes while it works on one picture of the usual size, about."""
    other_names: tuple[str, ...] = ()
    """Names without ending that other publishers and programs give the same weights."""
    repositories: tuple[str, ...] = ()
    """Repositories of Hugging Face that hold them as `model.safetensors`, in the form of its transformers library."""
    max_depth: float | None = None
    """Metres, of metric models."""

    @property
    def non_commercial(self) -> bool:
        """Whether the licence forbids commercial use."""
        return self.licence == NON_COMMERCIAL


def _depth_anything(size: str, letter: str, network: Network, licence: str, quality: int, memory: int, sha256: str,
                    file_size: int) -> Published:
    stem = f"depth_anything_v2_vit{letter}"
    return Published(
        f"depth-anything-v2-{size.lower()}", f"Depth Anything V2 {size}", network, DepthKind.RELATIVE_INVERSE, licence,
        DEPTH_ANYTHING_SIZE, quality,
        Weights(f"{stem}.pth", f"{HUGGING_FACE}/Depth-Anything-V2-{size}/resolve/main/{stem}.pth", sha256, file_size),
        memory, (f"{stem}_fp16", f"{stem}_fp32", f"depth_anything_v2_{size.lower()}"),
        (f"depth-anything/Depth-Anything-V2-{size}-hf",),
    )


def _metric(place: str, size: str, letter: str, network: Network, licence: str, quality: int, memory: int, sha256: str,
            file_size: int) -> Published:
    data, max_depth = {"indoor": ("Hypersim", 20.0), "outdoor": ("VKITTI", 80.0)}[place]
    stem = f"depth_anything_v2_metric_{data.lower()}_vit{letter}"
    address = f"{HUGGING_FACE}/Depth-Anything-V2-Metric-{data}-{size}/resolve/main/{stem}.pth"
    return Published(
        f"depth-anything-v2-metric-{place}-{size.lower()}", f"Depth Anything V2 Metric {place} {size}", network,
        DepthKind.METRIC_DEPTH, licence, DEPTH_ANYTHING_SIZE, quality,
        Weights(f"{stem}.pth", address, sha256, file_size), memory,
        (f"{stem}_fp16", f"{stem}_fp32", f"depth_anything_v2_vit{letter}_metric_{data.lower()}",
         f"depth_anything_v2_vit{letter}_metric_{data.lower()}_fp32"),
        (f"depth-anything/Depth-Anything-V2-Metric-{place.capitalize()}-{size}-hf",), max_depth,
    )


_SMALL, _BASE, _LARGE = (Network.DEPTH_ANYTHING_SMALL, Network.DEPTH_ANYTHING_BASE, Network.DEPTH_ANYTHING_LARGE)
_SMALL_MEMORY, _BASE_MEMORY, _LARGE_MEMORY = 500 * MEBIBYTE, 1100 * MEBIBYTE, 2500 * MEBIBYTE

PUBLISHED: tuple[Published, ...] = (
    _depth_anything("Large", "l", _LARGE, NON_COMMERCIAL, 95, _LARGE_MEMORY,
                    "a7ea19fa0ed99244e67b624c72b8580b7e9553043245905be58796a608eb9345", 1_341_395_338),
    _depth_anything("Base", "b", _BASE, NON_COMMERCIAL, 90, _BASE_MEMORY,
                    "0d2b7002e62d39d655571c371333340bd88f67ab95050c03591555aa05645328", 389_961_218),
    _depth_anything("Small", "s", _SMALL, APACHE, 80, _SMALL_MEMORY,
                    "715fade13be8f229f8a70cc02066f656f2423a59effd0579197bbf57860e1378", 99_218_434),
    # Steadier by itself, but its streaming form is less exact than single pictures are (the project's own table), and
    # several times slower: behind the small one, whose depth is steadied here.
    Published(
        "video-depth-anything-small", "Video Depth Anything Small", Network.VIDEO_DEPTH_ANYTHING_SMALL,
        DepthKind.RELATIVE_INVERSE, APACHE, DEPTH_ANYTHING_SIZE, 75,
        Weights("video_depth_anything_vits.pth",
                f"{HUGGING_FACE}/Video-Depth-Anything-Small/resolve/main/video_depth_anything_vits.pth",
                "13379300b739e659f076a59d52e9801bd8d38c541a7e71f73bbca4dcfb013609", 116_500_000),
        1500 * MEBIBYTE, ("video_depth_anything_vits_fp16", "video_depth_anything_vits_fp32"),
    ),
    Published(
        "midas-dpt-large", "MiDaS 3 DPT-Large", Network.DPT_LARGE, DepthKind.RELATIVE_INVERSE, MIT, MIDAS_SIZE, 70,
        Weights("dpt_large_384.pt", f"{MIDAS_RELEASES}/v3/dpt_large_384.pt",
                "2f21e586477d90cb9624c7eef5df7891edca49a1c4795ee2cb631fd4daa6ca69", 1_376_378_527),
        2600 * MEBIBYTE, ("dpt_large-midas-2f21e586",), ("Intel/dpt-large",),
    ),
    Published(
        "midas-dpt-hybrid", "MiDaS 3 DPT-Hybrid", Network.DPT_HYBRID, DepthKind.RELATIVE_INVERSE, MIT, MIDAS_SIZE, 66,
        Weights("dpt_hybrid_384.pt", f"{MIDAS_RELEASES}/v3/dpt_hybrid_384.pt",
                "501f0c75b3bca7daec6b3682c5054c09b366765aef6fa3a09d03a5cb4b230853", 492_757_791),
        1300 * MEBIBYTE, ("dpt_hybrid-midas-501f0c75",), ("Intel/dpt-hybrid-midas",),
    ),
    _metric("indoor", "Large", "l", _LARGE, NON_COMMERCIAL, 64, _LARGE_MEMORY,
            "6f82ff2bc543ac02ddff4aa31fa363676a8305dd3ccf04e80e2af115a044cb6d", 1_341_500_000),
    _metric("indoor", "Base", "b", _BASE, NON_COMMERCIAL, 62, _BASE_MEMORY,
            "9dc9e274c5eff55c6daf27b660c0ced0eca4e8593a6da90cdcb04d2b4d3f3fa2", 390_000_000),
    _metric("indoor", "Small", "s", _SMALL, APACHE, 60, _SMALL_MEMORY, "", 99_300_000),
    _metric("outdoor", "Large", "l", _LARGE, NON_COMMERCIAL, 59, _LARGE_MEMORY,
            "239b1054a369e66da2576e9a118d6d7c12d90dc8ebe609579a9a09cd8e05fe38", 1_341_401_064),
    _metric("outdoor", "Base", "b", _BASE, NON_COMMERCIAL, 57, _BASE_MEMORY,
            "4dad67a7cc10b462bca48e6b8569c762b8eb3c1adada170a3851a6d3ba37bb3e", 389_964_656),
    _metric("outdoor", "Small", "s", _SMALL, APACHE, 55, _SMALL_MEMORY,
            "9203e538d35255c90dda4b7fedb47ff33fe725497bcca3b1e53b3a65ee63f0cb", 99_300_000),
    Published(
        "midas-v21-small", "MiDaS 2.1 small", Network.MIDAS_SMALL, DepthKind.RELATIVE_INVERSE, MIT, InputSize(256, 32),
        40,
        Weights("midas_v21_small_256.pt", f"{MIDAS_RELEASES}/v2_1/midas_v21_small_256.pt",
                "70d6b9c891758c67f974a6097fb0c608c7ee67fb81ac3e5588847d5596d56fca", 85_761_505),
        400 * MEBIBYTE, ("midas_v21_small-70d6b9c8",),
    ),
)
