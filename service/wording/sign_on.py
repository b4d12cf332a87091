"""The words of the page to sign in where the newsroom has an OpenID provider (single sign-on).

Owns these words. Signing in with a key is in `strings`.
"""

from __future__ import annotations

from collections.abc import Mapping

from service.errors import SignOnReason
from service.wording.catalogue import Words


class SignOnWords(Words):
    """The words of signing in and out through the newsroom's provider, which `{name}` names.

    :ivar intro: Where the provider is the only way in.
    :ivar intro_both: Where one may sign in with a key as well.
    :ivar enter: The button that leads to the provider.
    :ivar with_key: The button of the form for a key, where one may sign in with either.
    :ivar refused: Why somebody is not let in.
    :ivar left: To whoever has just signed out.
    :ivar leave: The link that signs out of the provider as well.
    :ivar signed_in: Who is signed in, in the page's head.
    :ivar roles: What a person may do here: an editor pins and blocks under one article, a chief changes every rule.
    """

    intro = "Dùng tài khoản của tòa soạn."
    intro_both = "Dùng tài khoản của tòa soạn, hoặc dán khóa mà người quản trị đã cấp cho bạn."
    enter = "Đăng nhập bằng {name}"
    with_key = "Đăng nhập bằng khóa"
    refused: Mapping[SignOnReason, str] = {
        "stale": "Lần đăng nhập này đã quá lâu, đã dùng rồi, hoặc không bắt đầu từ trình duyệt này. Hãy đăng nhập lại.",
        "declined": "{name} không cho đăng nhập, hoặc bạn đã dừng giữa chừng.",
        "token": "Câu trả lời của {name} không đúng như phải có. Hãy thử lại; nếu vẫn vậy, hãy báo người quản trị.",
        "strength": "Bạn đã đăng nhập {name}, nhưng chưa bằng cách mà tòa soạn yêu cầu (ví dụ xác thực hai bước).",
        "role": "Bạn đã đăng nhập {name}, nhưng tài khoản này chưa có vai trò ở đây "
        "(biên tập viên hoặc thư ký tòa soạn). Hãy báo người quản trị.",
        "unreachable": "{name} không trả lời. Hãy thử lại sau ít phút.",
    }
    left = "Bạn đã đăng xuất khỏi các trang tòa soạn."
    leave = "Đăng xuất cả khỏi {name}"
    signed_in = "{name}, {role}"
    roles: Mapping[str, str] = {"editor": "biên tập viên", "chief": "thư ký tòa soạn"}
