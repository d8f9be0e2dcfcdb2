"""The table of trained networks: what each is for, where from, under which licence, which files. Torch-free.

None is distributed with this project. Digests are those of the revision that stands beside them; where a digest is
empty none is known before the file is fetched, and its size is an estimate.
"""

from dataclasses import dataclass

from worldwarp_protocol.errors import WorldWarpError

from ..geometry import checkpoint, depth_anything

WAN = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
WAN_REVISION = "0fad780a534b6463e45facd96134c9f345acfa5b"
WAN_FOLDER = "wan2.1-t2v-1.3b"
APACHE = "Use, change and pass on, commercially too; keep the notice."

PROFILES = ("draft", "wan")


@dataclass(frozen=True)
class File:
    """A file as its source has it."""

    path: str
    """Below the part's folder at the source."""
    size: int
    """Bytes; an estimate where ``sha256`` is empty."""
    sha256: str = ""


@dataclass(frozen=True)
class Part:
    """One network, or what belongs to one."""

    name: str
    purpose: str
    repository: str
    """On Hugging Face; empty where it has to be downloaded by hand."""
    revision: str
    """A commit; or a branch, and the commit it resolves to is recorded when it is fetched."""
    files: tuple[File, ...]
    """What is fetched."""
    licence: str
    terms: str
    """The licence in one sentence."""
    place: str
    """Its folder below ``needs.root()``."""
    essential: tuple[str, ...]
    """Without these files it cannot be loaded."""
    weights: str = ""
    """The stem of its weights: ``<stem>.safetensors``, or shards that ``<stem>.safetensors.index.json`` names."""
    remote: str = ""
    """Its folder in the repository."""
    needed: tuple[str, ...] = ()
    """The profiles that cannot run without it."""
    optional: tuple[str, ...] = ()
    """The profiles that can use it."""
    converted: bool = False
    """Whether its file is a checkpoint, out of which the numbers are taken once."""
    ask: bool = False
    """Whether its licence has to be accepted before anything is done."""

    @property
    def size(self) -> int:
        """Bytes to fetch, an estimate where a file's is."""
        return sum(file.size for file in self.files)


def _files(listed: str) -> tuple[File, ...]:
    """Files from lines of digest, size and path."""
    rows = (line.split() for line in listed.strip().splitlines())
    return tuple(File(path, int(size), digest) for digest, size, path in rows)


ST_DIFF = Part(
    "st-diff",
    "generates the frames: Wan2.1-T2V-1.3B with the weights of WorldWarp's ST-Diff",
    "imsuperkong/worldwarp",
    "main",
    (File("worldwarp_latest.ckpt", 2_840_000_000),),
    "none stated",
    "Its authors state no licence, so no right to use it is granted: ask them before anything but trying it out.",
    "st-diff",
    ("config.json",),
    "diffusion_pytorch_model",
    needed=("wan",),
    converted=True,
    ask=True,
)

VAE = Part(
    "vae",
    "frames to latents and back",
    WAN,
    WAN_REVISION,
    _files(
        """
        f0c1cc1d7decb5badc384f54691746a27a9aeff49f7ebca974e583389342d527        724 config.json
        d6e524b3fffede1787a74e81b30976dce5400c4439ba64222168e607ed19e793  507591892 diffusion_pytorch_model.safetensors
        """
    ),
    "Apache-2.0",
    APACHE,
    f"{WAN_FOLDER}/vae",
    ("config.json",),
    "diffusion_pytorch_model",
    remote="vae/",
    needed=("wan",),
)

TEXT_ENCODER = Part(
    "text-encoder",
    "reads the prompt (UMT5-XXL)",
    WAN,
    WAN_REVISION,
    _files(
        """
        4087b6192155a4643f6d29fd326c4610103130674011ef4d0a53f8bce5de967d        854 config.json
        c0ef3a140898e228a3520c9adec60743d2e8e5b3d229651bb37f1a3921919f99 4972389712 model-00001-of-00005.safetensors
        481c7b2b39771c44df6dd8d13ee12ed072d731b4a650bd092885d4d52db229ad 4899225672 model-00002-of-00005.safetensors
        f93148bcc04052a169e1e49bfcf6125df6cf9bf243cb9c627da75266cf8e35c3 4966309504 model-00003-of-00005.safetensors
        a451792c739c05bca4606190cc2dd16731411bac03b4cf6aacc5767321f857c9 4999880704 model-00004-of-00005.safetensors
        7e76e18d224531b8197a46231cb53daf7f2f6ca707130252becf933026ac4eea 2885866152 model-00005-of-00005.safetensors
        8af791f24a6447aa30c95786f40adf23d3c9df97470d2f36159c8f1113f120b4      22476 model.safetensors.index.json
        """
    ),
    "Apache-2.0",
    APACHE,
    f"{WAN_FOLDER}/text_encoder",
    ("config.json",),
    "model",
    remote="text_encoder/",
    needed=("wan",),
)

TOKENIZER = Part(
    "tokenizer",
    "cuts the prompt into the text encoder's tokens",
    WAN,
    WAN_REVISION,
    _files(
        """
        456b58fd240a06c743a7c2cf8008bec501240d68ebd1fc4018ea569505fea270       7079 special_tokens_map.json
        e3909a67b780650b35cf529ac782ad2b6b26e6d1f849d3fbb6a872905f452458    4548313 spiece.model
        20a46ac256746594ed7e1e3ef733b83fbc5a6f0922aa7480eda961743de080ef   16837459 tokenizer.json
        1d8d2a216bf8e70ac15b7ddcea566c4dd0433c024b39a58ca5e4c66bd78defbd      61758 tokenizer_config.json
        """
    ),
    "Apache-2.0",
    APACHE,
    f"{WAN_FOLDER}/tokenizer",
    ("tokenizer.json", "tokenizer_config.json"),
    remote="tokenizer/",
    needed=("wan",),
)

TRANSFORMER = Part(
    "transformer",
    "a first frame from a prompt: Wan2.1-T2V-1.3B as it was published",
    WAN,
    WAN_REVISION,
    _files(
        """
        0b093fa072e9ff28763febe9b964ee582f566733a6d6709deb9dfba1bde16b81        465 config.json
        6d011927dbd2cc8afe53d57abab04a8fd86f615d83324770d985fb058ece3a24 4998781576 diffusion_pytorch_model-00001-of-00002.safetensors
        b92ec2309b1f239af6f746431815a881afcc938abb26a4f08d9a2fd6c892f872  677289072 diffusion_pytorch_model-00002-of-00002.safetensors
        dcbcf3497134a3f50557ff069dd7d2c84b5c4d8c5932472f6bdb780fb4016589      73296 diffusion_pytorch_model.safetensors.index.json
        """  # noqa: E501 - names that long
    ),
    "Apache-2.0",
    APACHE,
    f"{WAN_FOLDER}/transformer",
    ("config.json",),
    "diffusion_pytorch_model",
    remote="transformer/",
    optional=("wan",),
)

CAPTIONER = Part(
    "captioner",
    "describes the scene in words, so that no prompt has to be typed (without it give --prompt)",
    "Qwen/Qwen2.5-VL-7B-Instruct",
    "cc594898137f460bfe9f0759e9844b3ce807cfb5",
    _files(
        """
        ad60d90252ed0b0705ba14e2d0ad0fec0beac1ea955642b54059b36052d8bc96       1050 chat_template.json
        77d9ec7321cc572e3579e2c84799c9cadaded63c49ce93b101733349fc330c43       1374 config.json
        0a3aea82869fe29f20dc95ccf3e2bcff380eca1f5ad6447a4a4b37110b08e43e        216 generation_config.json
        599bab54075088774b1733fde865d5bd747cbcc7a547c5bc12610e874e26f5e3    1671839 merges.txt
        e97b877e47fde53a6c6e77aafb36e58e91ee9d95c4a3eeac6f1b5c0e6a1c986e 3900233256 model-00001-of-00005.safetensors
        a9a300a43b4724eee2abe7c18ceb26768d0ab011eb0cad19d9bfd2476a24d024 3864726320 model-00002-of-00005.safetensors
        111223d173e00bbee81cba1216fad28668df3476706b7fd26f4d5b50f8b3a507 3864726424 model-00003-of-00005.safetensors
        ef47f634fa57d46ee134edcc09f34085a47da1e16c12a2abe0d67118be6d72ed 3864733680 model-00004-of-00005.safetensors
        0c859795ad3a627a9b95bcb762e059d5b768a4a36fdd4affeff269d93fdecc67 1089994880 model-00005-of-00005.safetensors
        73b333b0b16e5286ddba615d2caebcd495cf7e616f52eb217a81781393d79de9      57619 model.safetensors.index.json
        f2058c716eef96ccaed1cc1e2d0c08306b62586d535b28d9d08e691b2fab7ca0        350 preprocessor_config.json
        c0382117ea329cdf097041132f6d735924b697924d6f6fc3945713e96ce87539    7031645 tokenizer.json
        4abd3520120e266da84c0864fee064d1fb10806f02225911a47253dd38dc5f56       5702 tokenizer_config.json
        ca10d7e9fb3ed18575dd1e277a2579c16d108e32f27439684afa0e10b1440910    2776833 vocab.json
        """
    ),
    "Apache-2.0",
    APACHE,
    "qwen2.5-vl-7b-instruct",
    ("config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"),
    "model",
    optional=("wan",),
)

TTT3R = Part(
    "ttt3r",
    "depth, lens and cameras of pictures (--geometry ttt3r)",
    "",
    "",
    (File(checkpoint.FILE, 3_200_000_000),),
    checkpoint.LICENCE,
    "Attribution, non-commercial use only, share alike.",
    "",
    (checkpoint.FILE.replace(".pth", ".safetensors"),),
    optional=PROFILES,
    converted=True,
    ask=True,
)

DEPTH_ANYTHING = Part(
    "depth-anything",
    "depth of single pictures, without cameras (--geometry depth-anything)",
    depth_anything.REPOSITORY,
    "5426e4f0f36572d16453bbda7a8389317b1bef99",
    _files(
        """
        c56698d3643dde1f83ea2212759e6b31a22b8f827246a36dd007ee8a22b3ff75        950 config.json
        3152477ce0d8d6978d76b995120de97cb5b928701fd0f817769f59e249a16b70   99173660 model.safetensors
        """
    ),
    "Apache-2.0",
    APACHE,
    depth_anything.REPOSITORY.split("/")[1],
    ("config.json",),
    "model",
    optional=PROFILES,
)

PARTS = (ST_DIFF, VAE, TEXT_ENCODER, TOKENIZER, TRANSFORMER, CAPTIONER, TTT3R, DEPTH_ANYTHING)


def part(name: str) -> Part:
    """The part of this name.

    Raises:
        WorldWarpError: there is none.
    """
    for found in PARTS:
        if found.name == name:
            return found
    raise WorldWarpError(f"There is no part '{name}'; choose one of {', '.join(each.name for each in PARTS)}.")
