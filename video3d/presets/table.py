"""The presets themselves."""

from __future__ import annotations

from video3d.errors import SettingsError
from video3d.presets.model import AudioRule, CodecLimit, Evidence, LabelPlace, Preset, Reference
from video3d.settings import Codec, Container, WindowTreatment
from video3d.types import Layout

_H264_51 = CodecLimit(Codec.H264, 4096, 2304, "5.1")
_HEVC_8K = CodecLimit(Codec.HEVC, 8192, 4352, "6.1", bit_depth=10)
_AV1_8K = CodecLimit(Codec.AV1, 8192, 4352, "6.1", bit_depth=10)
_FULL_FIRST = (Layout.FULL_SBS, Layout.FULL_TAB, Layout.HALF_SBS)
_FULL_NAMES = ("_3D_FSBS_LRF_Full_SBS", "_3D_FTAB_TBF_fulltb_TAB", "_3D_HSBS_LR")
_HEADSET_AUDIO = AudioRule(("aac", "mp3", "ac3", "eac3", "opus"), keep_original=True)
_HEADSET_FILES = (Container.MP4, Container.MKV)
_META_BROWSER = "https://developers.meta.com/horizon/documentation/web/browser-video/"
_META_MEDIA = "https://developers.meta.com/horizon/documentation/android-apps/media-requirements/"
_SKYBOX_NAMES = Reference(
    "Skybox takes the layout from words in the file's name",
    "https://skybox.xyz/en/support/add-suffix-to-filename-to-recognize-the-correct-format/", Evidence.MAKER)
_H264_LEVEL = Reference("3840 × 1080 needs H.264 level 5.0, 7680 × 2160 level 6.0, which no hardware decodes",
                        "ITU-T H.264 table A-1", Evidence.STANDARD)
_DOUBLE_LABEL = Reference("a message in the stream beside a label in the container stops FFmpeg 9",
                          "tests/media/test_relabel.py", Evidence.MEASURED)

_PRESETS = (
    Preset(
        id="quest-2",
        label="Quest 2 / Quest Pro",
        layouts=_FULL_FIRST,
        containers=_HEADSET_FILES,
        codecs=(_H264_51, CodecLimit(Codec.HEVC, 8192, 4352, "6.0", bit_depth=10)),
        label_place=LabelPlace.CONTAINER,
        name_suffixes=_FULL_NAMES,
        audio=_HEADSET_AUDIO,
        why="Full size keeps all pixels of each eye. H.264 up to 4096 wide plays in every headset player; wider frames "
            "need HEVC. There is no AV1 decoder.",
        references=(
            Reference("4K in all codecs, 8K in HEVC; AV1 is not decoded in hardware", _META_BROWSER, Evidence.MAKER),
            Reference("H.264, HEVC and VP9; AV1 on Quest 3 and later only", _META_MEDIA, Evidence.MAKER),
            Reference("HEVC with 10 bit is decoded", "the decoder of its Snapdragon XR2", Evidence.INFERRED),
            Reference("players may stutter beyond 4K", "https://communityforums.atmeta.com/discussions/SpatialSDK/"
                      "360-video-streaming-performance-on-quest-2-and-quest-3/1272195", Evidence.USERS),
            Reference("players stay smooth up to about 60 Mbit/s", "bit rates of comparable material",
                      Evidence.INFERRED),
            _H264_LEVEL, _SKYBOX_NAMES,
        ),
        max_megabits=60.0,
    ),
    Preset(
        id="quest-3",
        label="Quest 3 / 3S",
        layouts=_FULL_FIRST,
        containers=_HEADSET_FILES,
        codecs=(_H264_51, _HEVC_8K, _AV1_8K),
        label_place=LabelPlace.CONTAINER,
        name_suffixes=_FULL_NAMES,
        audio=_HEADSET_AUDIO,
        why="Full size keeps all pixels of each eye; a 4K source becomes 7680 × 2160, which HEVC and AV1 hold.",
        references=(
            Reference("4K in all codecs, 8K in HEVC and AV1", _META_BROWSER, Evidence.MAKER),
            Reference("H.264, HEVC, VP9 and AV1", _META_MEDIA, Evidence.MAKER),
            Reference("20 to 40 Mbit/s for 1080p an eye, 60 to 100 for 4K an eye", "bit rates of comparable material",
                      Evidence.INFERRED),
            _H264_LEVEL, _SKYBOX_NAMES,
        ),
        max_megabits=100.0,
    ),
    Preset(
        id="vision-pro",
        label="Apple Vision Pro",
        layouts=_FULL_FIRST,
        containers=(Container.MP4,),
        codecs=(_HEVC_8K,),
        label_place=LabelPlace.CONTAINER,
        name_suffixes=_FULL_NAMES,
        audio=AudioRule(("aac", "alac", "ac3", "eac3")),
        why="Apple's players take HEVC marked hvc1 in MP4; vexu with its packing and hfov say how it is 3D.",
        references=(
            Reference("vexu with a view packing of side by side or over and under since visionOS 26",
                      "https://developer.apple.com/videos/play/wwdc2025/297/", Evidence.MAKER),
            Reference("whether Files and Quick Look show a flat packed frame in 3D", "not tried", Evidence.INFERRED),
            Reference("100 Mbit/s is what Apple's own spatial video stays below", "bit rates of comparable material",
                      Evidence.INFERRED),
            Reference("HEVC is to be marked hvc1", "Apple, HLS authoring specification", Evidence.MAKER),
        ),
        max_megabits=100.0,
        hint="Apple's own players may show both pictures side by side: open the file in a player such as Moon Player "
             "or Skybox, or convert it to spatial video on a Mac.",
    ),
    Preset(
        id="tv-3d",
        label="3D TV",
        layouts=(Layout.HALF_SBS, Layout.HALF_TAB),
        containers=(Container.MP4,),
        codecs=(CodecLimit(Codec.H264, 1920, 1088, "4.1"),),
        label_place=LabelPlace.STREAM,
        name_suffixes=("_3D_HSBS_LR", "_3D_HTAB_TB"),
        audio=AudioRule(("aac", "ac3", "mp3")),
        window=WindowTreatment.FLOATING,
        why="3D televisions decode Full HD H.264 and switch to 3D by the frame-packing message, or by hand.",
        references=(
            Reference("half-size side by side and top and bottom from USB",
                      "https://www.easymanua.ls/samsung/ps51e450a1w/manual?p=21", Evidence.MAKER),
            Reference("Sony BRAVIA switches by the frame-packing message", "issues of nunif/iw3", Evidence.USERS),
            Reference("up to 20 Mbit/s from USB", "bit rates of Blu-ray-age decoders", Evidence.INFERRED),
            _DOUBLE_LABEL,
        ),
        max_megabits=20.0,
        eye_limit=(1920, 1080),
        hint="If the television stays flat, choose side by side in its 3D menu.",
    ),
    Preset(
        id="youtube",
        label="YouTube",
        layouts=(Layout.HALF_SBS,),
        containers=(Container.MP4,),
        codecs=(CodecLimit(Codec.H264, 3840, 2160, "5.2"),),
        label_place=LabelPlace.STREAM,
        name_suffixes=("_3D_HSBS_LR",),
        audio=AudioRule(("aac",), kilobits_per_pair=384),
        window=WindowTreatment.FLOATING,
        why="YouTube takes half-size side by side in a 16:9 frame with the frame-packing message, and offers anaglyph.",
        references=(
            Reference("tags such as yt3d do nothing any more; full-size side by side is not taken",
                      "https://github.com/nagadomi/nunif/issues/268", Evidence.USERS),
            _DOUBLE_LABEL,
        ),
        frame_aspect=(16, 9),
        eye_limit=(3840, 2160),
        hint="YouTube shows it as anaglyph on a computer; for headsets upload VR180 instead.",
    ),
    Preset(
        id="pc",
        label="PC player",
        layouts=(Layout.FULL_SBS, Layout.FULL_TAB, Layout.HALF_SBS),
        containers=(Container.MP4,),
        codecs=(_H264_51, _HEVC_8K, _AV1_8K),
        label_place=LabelPlace.CONTAINER,
        name_suffixes=_FULL_NAMES,
        audio=AudioRule(()),
        window=WindowTreatment.FLOATING,
        why="Everything plays on a computer; beyond 4096 pixels graphics cards decode HEVC and AV1 only.",
        references=(
            Reference("mpv shows the label and converts nothing", "https://github.com/mpv-player/mpv/issues/18348",
                      Evidence.USERS),
            Reference("graphics cards decode H.264 up to 4096 wide, HEVC and AV1 up to 8192",
                      "NVIDIA, Video Codec SDK decoder support matrix", Evidence.INFERRED),
            _H264_LEVEL,
        ),
    ),
    Preset(
        id="kodi-jellyfin",
        label="Kodi / Jellyfin",
        layouts=(Layout.HALF_SBS, Layout.HALF_TAB),
        containers=(Container.MKV,),
        codecs=(_H264_51, _HEVC_8K),
        label_place=LabelPlace.CONTAINER,
        name_suffixes=("_3D_HSBS_LR", "_3D_HTAB_TB"),
        audio=AudioRule(()),
        window=WindowTreatment.FLOATING,
        why="Matroska keeps every track. Half size with a display size equal to the frame is right for both ways in "
            "which players read it; the name carries the words that both programs look for.",
        references=(
            Reference("Kodi needs 3D and SBS or TAB in the name", "https://kodi.wiki/view/3D", Evidence.MAKER),
            Reference("Kodi halves the display size again", "https://github.com/xbmc/xbmc/issues/28452",
                      Evidence.USERS),
            Reference("Jellyfin takes half from 3D.HSBS in the name; a bare StereoMode means full size to it",
                      "Jellyfin's naming rules", Evidence.MAKER),
            Reference("DisplayWidth is one eye's", "RFC 9559 §18.10", Evidence.STANDARD),
        ),
    ),
    Preset(
        id="phone-anaglyph",
        label="Phone, red-cyan glasses",
        layouts=(Layout.ANAGLYPH_DUBOIS,),
        containers=(Container.MP4,),
        # Upright as well: the level alone bounds the area.
        codecs=(CodecLimit(Codec.H264, 4096, 4096, "5.1"), CodecLimit(Codec.HEVC, 4096, 4096, "5.1", bit_depth=10)),
        label_place=LabelPlace.NONE,
        name_suffixes=("_anaglyph_red-cyan",),
        audio=AudioRule(("aac", "mp3")),
        why="The two eyes are already in one picture: it plays like any video, on anything, with red-cyan glasses.",
        references=(
            Reference("Dubois' matrices reduce ghosts", "E. Dubois, ICASSP 2001", Evidence.STANDARD),
            Reference("phones play 40 Mbit/s from their own storage", "bit rates of phones' cameras",
                      Evidence.INFERRED),
            Reference("phones decode H.264 level 5.1", "Android compatibility definition", Evidence.INFERRED),
            Reference("upright frames as large as those that lie", "phones play what they film upright",
                      Evidence.INFERRED),
        ),
        max_megabits=40.0,
    ),
    Preset(
        id="vr180",
        label="VR180 upload",
        layouts=(Layout.VR180,),
        containers=(Container.MP4,),
        codecs=(_H264_51, _HEVC_8K),
        label_place=LabelPlace.CONTAINER,
        name_suffixes=("_3D_180x180_LR",),
        audio=AudioRule(("aac",), kilobits_per_pair=384),
        why="The only 3D that YouTube shows in headsets: each eye is drawn onto half a sphere, and sv3d says so. "
            "5760 × 2880 is what headsets decode without trouble.",
        references=(
            Reference("st3d and sv3d with bounds of a quarter on both sides",
                      "https://github.com/google/spatial-media/blob/master/docs/spherical-video-v2-rfc.md",
                      Evidence.STANDARD),
            Reference("read back as half equirectangular by FFmpeg 4.2, 7.0 and 9.0",
                      "tests/media/test_label_readers.py", Evidence.MEASURED),
        ),
        canvas_side=2880,
    ),
)


def presets() -> tuple[Preset, ...]:
    """All presets, in the order in which they are shown."""
    return _PRESETS


def preset(preset_id: str) -> Preset:
    """The preset of that id; SettingsError names the ones there are."""
    for candidate in _PRESETS:
        if candidate.id == preset_id:
            return candidate
    known = ", ".join(candidate.id for candidate in _PRESETS)
    raise SettingsError(f"There is no preset {preset_id!r}.", stage="settings", remedy=f"There are: {known}.")
