"""What can be wrong with a camera's stream, and what to do about it.

```
SourceError
├── BadAddressError        the address is not one that a camera may have
├── CredentialsCharactersError  the camera would take user and password for others
├── NetworkRefusedError    the address is in no network that is allowed in this installation
│   ├── PlaceRefusedError    it is in none that is allowed in the camera's place
│   └── PlaceUnknownError    networks are allowed by place, and nobody says where the camera is
├── UnreachableError       nobody answers there, or not in time
├── NoRtspError            what answers there is no RTSP
├── RedirectedError        the camera sends to another address
├── UnauthorizedError      the camera refuses the user name or password
├── NotFoundError          the camera has no such stream
├── NoVideoError           the stream has no picture
├── UnsupportedCodecError  the picture is coded in a way that we don't read
├── TooLargeError          the picture has more pixels than we decode
├── NoKeyframeError        the stream has no picture to begin with
├── CorruptStreamError     what arrives can't be decoded
├── StreamLostError        it worked, then it stopped
├── PlatformError          the platform gives no address in place of one that expired
│   ├── PlatformUnreachableError  it doesn't answer, or not in time
│   ├── PlatformRefusedError      it doesn't take the key
│   ├── PlatformAnswerError       its answer is none that a platform of this kind gives
│   ├── PlatformChannelError      it doesn't know the camera
│   ├── PlatformStreamError       it knows the camera and can't start its stream
│   ├── PlatformAddressError      what it gives is no camera's address, or outside the networks
│   └── PlatformBusyError         too many addresses are being asked for
└── FileEndedError         a file ended: no fault, but no more pictures
```

Texts never hold FFmpeg's own: that repeats the address with its password.
"""

from typing import ClassVar


class SourceError(Exception):
    """A stream that gives no picture. ``code`` labels counters; the text says what to do."""

    code: ClassVar[str] = "source"
    advice: ClassVar[str] = ""

    def __init__(self, where: str, what: str) -> None:
        self.where = where
        self.what = what
        super().__init__(f"{where}: {what}: {self.advice}")


class BadAddressError(SourceError):
    """The address is not one that a camera may have."""

    code = "bad_address"
    advice = "give rtsp://host[:port]/path or rtsps://, or to `watch` a file on this machine"


class CredentialsCharactersError(SourceError):
    """The camera would take the user or password for another."""

    code = "credentials_characters"
    advice = 'give the camera a user without " and : and control characters, no NUL in the password'


class NetworkRefusedError(SourceError):
    """The address is in no network that is allowed in this installation."""

    code = "network_refused"
    advice = "correct the address, or allow its network: worker --networks"


class PlaceRefusedError(NetworkRefusedError):
    """The address is in no network that is allowed in the camera's place."""

    advice = (
        "correct the address or the camera's place, or allow its network there: the file of "
        "worker --networks-of"
    )


class PlaceUnknownError(NetworkRefusedError):
    """Networks are allowed by place, and nobody says where the camera is."""

    advice = (
        'in a file of cameras write place = ["0", …], the codes from the root down to its own; '
        "if the registry has it, upgrade the service to the worker's version"
    )


class NoRtspError(SourceError):
    """What answers there is no RTSP."""

    code = "no_rtsp"
    advice = "correct the address and port: RTSP is mostly at 554"


class RedirectedError(SourceError):
    """The camera sends to another address, which nobody has checked."""

    code = "redirected"
    advice = "register the address at which it streams itself"


class UnreachableError(SourceError):
    """Nobody answers there, or not in time."""

    code = "unreachable"
    advice = "check address, port, cable and firewall"


class UnauthorizedError(SourceError):
    """The camera refuses the user name or password."""

    code = "unauthorized"
    advice = "correct the camera's user name and password"


class NotFoundError(SourceError):
    """The camera has no such stream."""

    code = "not_found"
    advice = "correct the path: the camera's manual or its platform names it"


class NoVideoError(SourceError):
    """The stream has no picture."""

    code = "no_video"
    advice = "choose the camera's video stream"


class UnsupportedCodecError(SourceError):
    """The picture is coded in a way that we don't read."""

    code = "unsupported_codec"
    advice = "set the camera to H.264 or H.265"


class TooLargeError(SourceError):
    """The picture has more pixels than we decode."""

    code = "too_large"
    advice = "choose the camera's substream, or a smaller picture"


class NoKeyframeError(SourceError):
    """The stream has no picture to begin with."""

    code = "no_keyframe"
    advice = "set the camera's keyframe interval to 2 s"


class CorruptStreamError(SourceError):
    """What arrives can't be decoded."""

    code = "corrupt"
    advice = "check the network and the camera's encoder, or the file"


class StreamLostError(SourceError):
    """It worked, then it stopped."""

    code = "stream_lost"
    advice = "check the camera's power and network"


class PlatformError(SourceError):
    """The platform gives no address in place of one that expired."""

    code = "platform"
    advice = "check the platform"


class PlatformUnreachableError(PlatformError):
    """It doesn't answer, or not in time."""

    code = "platform_unreachable"
    advice = "check that it runs, and its url in the file of worker --platforms"


class PlatformRefusedError(PlatformError):
    """It doesn't take the key."""

    code = "platform_refused"
    advice = "make a key at the platform that is enabled, and put it into its key_file"


class PlatformAnswerError(PlatformError):
    """Its answer is none that a platform of this kind gives."""

    code = "platform_answer"
    advice = "check its url, kind and version: docs/platforms.md"


class PlatformChannelError(PlatformError):
    """It doesn't know the camera."""

    code = "platform_channel"
    advice = "correct the camera's GB id, or add it to the platform once"


class PlatformStreamError(PlatformError):
    """It knows the camera and can't start its stream."""

    code = "platform_stream"
    advice = "check at the platform that the camera is online and plays"


class PlatformAddressError(PlatformError):
    """What it gives is no camera's address, or one where none may be."""

    code = "platform_address"
    advice = "correct the media server's address at the platform, or allow its network to cameras"


class PlatformBusyError(PlatformError):
    """Too many addresses are being asked for."""

    code = "platform_busy"
    advice = "nothing to do: it is asked again; raise its pulls if this goes on"


class FileEndedError(SourceError):
    """A file ended: no fault, but no more pictures."""

    code = "file_ended"
    advice = "nothing to do"
