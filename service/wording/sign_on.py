"""What the page to sign in says of the newsroom's provider, in Vietnamese and in English.

Owns these words alone: other pages have modules of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.errors import SignOnReason


@dataclass(frozen=True)
class SignOnWords:
    """The words in one language.

    :param intro: Where there is no key to sign in with.
    :param intro_both: Where there are keys, too.
    :param enter: The button, with the provider's name.
    :param refused: Why somebody is not let in.
    :param left: To whoever has just signed out.
    :param leave: The link to sign out of the provider too, with its name.
    """

    intro: str
    intro_both: str
    enter: str
    with_key: str
    refused: Mapping[SignOnReason, str]
    left: str
    leave: str
    signed_in: str
    roles: Mapping[str, str]


VI = SignOnWords(
    intro="Dùng tài khoản của tòa soạn.",
    intro_both="Dùng tài khoản của tòa soạn, hoặc dán khóa mà người quản trị đã cấp cho bạn.",
    enter="Đăng nhập bằng {name}",
    with_key="Đăng nhập bằng khóa",
    refused={
        "stale": "Lần đăng nhập này đã quá lâu, đã dùng rồi, hoặc không bắt đầu từ trình duyệt này. Hãy đăng nhập lại.",
        "declined": "{name} không cho đăng nhập, hoặc bạn đã dừng giữa chừng.",
        "token": "Câu trả lời của {name} không đúng như phải có. Hãy thử lại; nếu vẫn vậy, hãy báo người quản trị.",
        "strength": "Bạn đã đăng nhập {name}, nhưng chưa bằng cách mà tòa soạn yêu cầu (ví dụ xác thực hai bước).",
        "role": "Bạn đã đăng nhập {name}, nhưng tài khoản này chưa có vai trò ở đây "
        "(biên tập viên hoặc thư ký tòa soạn). Hãy báo người quản trị.",
        "unreachable": "{name} không trả lời. Hãy thử lại sau ít phút.",
    },
    left="Bạn đã đăng xuất khỏi các trang tòa soạn.",
    leave="Đăng xuất cả khỏi {name}",
    signed_in="{name}, {role}",
    roles={"editor": "biên tập viên", "chief": "thư ký tòa soạn"},
)

EN = SignOnWords(
    intro="Use your account of the newsroom.",
    intro_both="Use your account of the newsroom, or paste the key that the operator gave you.",
    enter="Sign in with {name}",
    with_key="Sign in with a key",
    refused={
        "stale": "This sign-in took too long, was used before, or was not begun in this browser. Sign in again.",
        "declined": "{name} did not let you sign in, or you stopped half-way.",
        "token": "The answer of {name} is not as it must be. Try again; if it stays so, tell the operator.",
        "strength": "You are signed in with {name}, but not in the way that is asked for here (in two steps, say).",
        "role": "You are signed in with {name}, but this account has no role here, editor or chief. Tell the operator.",
        "unreachable": "{name} does not answer. Try again in a few minutes.",
    },
    left="You are signed out of the newsroom's pages.",
    leave="Sign out of {name} too",
    signed_in="{name}, {role}",
    roles={"editor": "editor", "chief": "chief"},
)

WORDS: Mapping[str, SignOnWords] = {"vi": VI, "en": EN}
