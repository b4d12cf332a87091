"""The words around the API's documentation, in Vietnamese and in English; it is itself in English only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class DocsWords:
    """The words in one language; both fill in the same {names}."""

    title: str
    intro: str
    document: str
    endpoints: str
    objects: str
    parameters: str
    no_parameters: str
    body: str
    answers: str
    required: str
    default: str
    in_path: str
    in_header: str
    example: str
    examples: str
    headers: str
    key: str
    key_help: str


VI = DocsWords(
    title="Tài liệu API",
    intro="Mọi địa chỉ mà máy khác có thể gọi, soạn từ chính các mô hình dùng để kiểm tra yêu cầu. "
    "Phần mô tả viết bằng tiếng Anh.",
    document="Bản cho máy đọc (OpenAPI)",
    endpoints="Các địa chỉ",
    objects="Các đối tượng",
    parameters="Tham số",
    no_parameters="Không có tham số.",
    body="Nội dung gửi lên",
    answers="Trả lời",
    required="bắt buộc",
    default="mặc định",
    in_path="trong đường dẫn",
    in_header="trong tiêu đề yêu cầu",
    example="ví dụ",
    examples="Thử bằng curl",
    headers="Tiêu đề trả lời:",
    key="Cần khóa có quyền {scope}",
    key_help="Đặt khóa vào biến môi trường KEY trước khi chạy các lệnh ghi.",
)

EN = DocsWords(
    title="API documentation",
    intro="Every address that another program may call, made from the very models that requests are checked with.",
    document="For machines (OpenAPI)",
    endpoints="Endpoints",
    objects="Objects",
    parameters="Parameters",
    no_parameters="No parameters.",
    body="Request body",
    answers="Answers",
    required="required",
    default="default",
    in_path="in the path",
    in_header="in a header",
    example="example",
    examples="Try it with curl",
    headers="Headers:",
    key="Needs a key of scope {scope}",
    key_help="Put the key into the environment variable KEY before running commands that write.",
)

WORDS: Mapping[str, DocsWords] = {"vi": VI, "en": EN}
