"""The words of the operators' page, and how it writes durations and sizes. Knows nothing of what is shown."""

from __future__ import annotations

from collections.abc import Mapping

from service.wording.catalogue import Words


class OperationsWords(Words):
    """The words of the operators' page.

    :ivar units: Of time: milliseconds, seconds, minutes, hours.
    :ivar stages: What a build is doing; the first is before its first stage.
    :ivar outcomes: How a build ended.
    :ivar kinds: Of requests, in the table of latencies.
    """

    title = "Vận hành"
    intro = "Kho bài, bản dựng và máy chủ lúc này. Trang tự cập nhật."
    stale = "Chưa cập nhật được; các con số dưới đây đã cũ. Hãy tải lại trang."
    units: tuple[str, str, str, str] = ("ms", "giây", "phút", "giờ")
    ago = "{time} trước"

    now = "Lúc này"
    served = "Đang phục vụ"
    nothing_served = "Chưa có bản nào được phục vụ."
    served_live = "trong đó {added} bài mới viết, chưa nằm trong bản đã xuất bản"
    not_served = "Bản đã xuất bản không dùng được: {problem}"
    running = "Đang dựng kho"
    merging = "Đang xuất bản những gì API đã ghi"
    no_build = "Không có bản dựng nào đang chạy."
    since = "Bắt đầu {time}"
    stages: Mapping[str, str] = {
        "": "chuẩn bị",
        "reading": "đọc nguồn",
        "encoding": "mã hóa",
        "indexing": "lập chỉ mục",
        "relating": "tìm bài liên quan",
        "mapping": "vẽ bản đồ",
        "publishing": "xuất bản",
    }
    of = "{done} / {total}"
    rate = "{rate} mỗi giây"
    left = "còn khoảng {time}"
    process = "tiến trình {pid}"
    changes = "Thay đổi từ API"
    waiting = "{count} thay đổi đang chờ"
    none_waiting = "Không có thay đổi nào đang chờ."
    oldest = "cũ nhất {time}"
    live_articles = "{count} bài trong phân đoạn sống"
    aside = "{count} thay đổi bị để riêng vì không lập chỉ mục được"
    ingesting = "Tiến trình nạp bài đang chạy."
    not_ingesting = "Không có tiến trình nạp bài nào đang chạy."
    last_merge = "Lần xuất bản gần nhất: {time}, mất {took}"
    never_merged = "Chưa lần nào xuất bản thay đổi từ API."

    snapshots = "Các bản của kho"
    no_snapshots = "Chưa có bản nào. Chạy lệnh lienquan index để dựng bản đầu tiên."
    snapshot = "Bản"
    made = "Dựng lúc"
    articles = "Số bài"
    vectors = "Số vectơ"
    recall = "Độ phủ (recall@10)"
    size = "Dung lượng"
    parent = "Dựng từ"
    no_parent = "không có"
    current = "hiện hành"
    here = "máy này đang dùng"
    unusable = "Không dùng được: {problem}"
    roll_back = "Quay về bản này"
    may_not = "Khóa của bạn không có quyền ingest, nên không thể quay về bản cũ."
    rolled_back = "Đã quay về bản {snapshot}. Máy chủ chuyển sang bản ấy trong vài giây."

    builds = "Những lần dựng gần đây"
    no_builds = "Chưa ghi được lần dựng nào."
    began = "Bắt đầu"
    took = "Thời gian"
    outcome = "Kết quả"
    outcomes: Mapping[str, str] = {
        "published": "đã xuất bản",
        "unchanged": "không có gì thay đổi",
        "failed": "không thành",
        "killed": "bị ngắt giữa chừng",
    }
    a_build = "dựng kho"
    a_merge = "xuất bản thay đổi"
    encoded = "{count} bài được mã hóa"

    latency = "Thời gian trả lời"
    recent = "Trong {time} qua, mọi tiến trình cộng lại."
    since_start = "Từ khi dịch vụ khởi động, mọi tiến trình cộng lại."
    no_requests = "Chưa có yêu cầu nào."
    kind = "Loại"
    kinds: Mapping[str, str] = {
        "search": "Tìm kiếm",
        "suggest": "Gợi ý",
        "related": "Bài liên quan",
        "article": "Trang bài",
        "write": "Ghi",
        "encoding": "Mã hóa câu hỏi",
    }
    requests = "Số lần"
    half = "Một nửa trong vòng (p50)"
    most = "95 % trong vòng (p95)"
    encoder = "Bộ mã hóa"
    encoder_well = "{name} trả lời trong {time}."
    encoder_ill = "Bộ mã hóa không trả lời: {problem}. Tìm kiếm chỉ còn theo chữ."

    sources = "Nguồn bài"
    not_followed = "Không theo dõi nguồn nào (lienquan sync)."
    source = "Nguồn"
    state = "Tình trạng"
    source_well = "bình thường"
    source_ill = "lỗi từ {time}: {problem}"
    following = "Đang được theo dõi."
    not_following = "Không có tiến trình nào theo dõi."
    late = "Đã quá hạn hỏi lại."
    asked = "Hỏi lần cuối: {time}."
    never = "chưa lần nào"

    takedowns = "Bài đã gỡ"
    no_takedowns = "Chưa gỡ bài nào."
    article = "Bài"
    who = "Người gỡ"
    why = "Lý do"
    when = "Lúc"
    lifted = "cho phép trở lại {time}, bởi {who}"
    in_force = "đang có hiệu lực"

    confirm = "Quay về bản cũ?"
    confirm_intro = "Mọi tiến trình sẽ trả lời từ bản được chọn trong vài giây. Bản hiện hành vẫn còn trên đĩa."
    confirm_from = "Hiện hành"
    confirm_to = "Quay về"
    fewer = "ít hơn {count} bài"
    more = "nhiều hơn {count} bài"
    as_many = "số bài bằng nhau"
    confirm_changes = (
        "Những gì API đã ghi được áp dụng lại lên bản ấy. Lần dựng sau từ nguồn sẽ lại thay bản ấy; nếu nguồn sai, hãy "
        "sửa nguồn trước."
    )
    confirm_button = "Quay về bản này"
    cancel = "Thôi"
    refused = "Chưa làm gì cả: {problem}"

    def seconds(self, value: float) -> str:
        """Return a length of time in its two largest units; milliseconds below a second."""
        milliseconds, second, minute, hour = self.units
        if value < 1:
            shown = f"{1000 * value:.1f}" if value < 0.1 else f"{1000 * value:.0f}"
            return f"{shown.replace('.', self.decimal_symbol)} {milliseconds}"
        if value < 60:
            return f"{f'{value:.1f}'.replace('.', self.decimal_symbol)} {second}"
        whole = round(value)
        if whole < 3600:
            return f"{whole // 60} {minute} {whole % 60} {second}"
        return f"{whole // 3600} {hour} {whole % 3600 // 60} {minute}"

    def megabytes(self, value: int) -> str:
        """Return a size in MB."""
        return f"{value / 1e6:.1f} MB".replace(".", self.decimal_symbol)

    def share(self, value: float) -> str:
        """Return a share to four places, such as a recall."""
        return f"{value:.4f}".replace(".", self.decimal_symbol)
