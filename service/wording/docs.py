"""The words around the API's documentation, which is itself in English only. Knows nothing of the API."""

from __future__ import annotations

from service.wording.catalogue import Words


class DocsWords(Words):
    """The words around the API's documentation."""

    title = "Tài liệu API"
    intro = (
        "Mọi địa chỉ mà máy khác có thể gọi, soạn từ chính các mô hình dùng để kiểm tra yêu cầu. "
        "Phần mô tả viết bằng tiếng Anh."
    )
    document = "Bản cho máy đọc (OpenAPI)"
    endpoints = "Các địa chỉ"
    objects = "Các đối tượng"
    parameters = "Tham số"
    no_parameters = "Không có tham số."
    body = "Nội dung gửi lên"
    answers = "Trả lời"
    required = "bắt buộc"
    default = "mặc định"
    in_path = "trong đường dẫn"
    in_header = "trong tiêu đề yêu cầu"
    example = "ví dụ"
    examples = "Thử bằng curl"
    headers = "Tiêu đề trả lời:"
    key = "Cần khóa có quyền {scope}"
    key_help = "Đặt khóa vào biến môi trường KEY trước khi chạy các lệnh ghi."
