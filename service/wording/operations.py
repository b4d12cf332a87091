"""The words of the operators' page, in Vietnamese and in English.

Owns these words, and the format of durations and sizes. Knows nothing of what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class OperationsWords:
    """The words of the page in one language; both fill in the same {names}."""

    comma: str
    title: str
    intro: str
    stale: str
    units: tuple[str, str, str, str]
    ago: str

    now: str
    served: str
    nothing_served: str
    served_live: str
    not_served: str
    running: str
    merging: str
    no_build: str
    since: str
    stages: Mapping[str, str]
    of: str
    rate: str
    left: str
    process: str
    changes: str
    waiting: str
    none_waiting: str
    oldest: str
    live_articles: str
    aside: str
    ingesting: str
    not_ingesting: str
    last_merge: str
    never_merged: str

    snapshots: str
    no_snapshots: str
    snapshot: str
    made: str
    articles: str
    vectors: str
    recall: str
    size: str
    parent: str
    no_parent: str
    current: str
    here: str
    unusable: str
    roll_back: str
    may_not: str
    rolled_back: str

    builds: str
    no_builds: str
    began: str
    took: str
    outcome: str
    outcomes: Mapping[str, str]
    a_build: str
    a_merge: str
    encoded: str

    latency: str
    recent: str
    since_start: str
    no_requests: str
    kind: str
    kinds: Mapping[str, str]
    requests: str
    half: str
    most: str
    encoder: str
    encoder_well: str
    encoder_ill: str

    sources: str
    not_followed: str
    source: str
    state: str
    source_well: str
    source_ill: str
    following: str
    not_following: str
    late: str
    asked: str
    never: str

    takedowns: str
    no_takedowns: str
    article: str
    who: str
    why: str
    when: str
    lifted: str
    in_force: str

    confirm: str
    confirm_intro: str
    confirm_from: str
    confirm_to: str
    fewer: str
    more: str
    as_many: str
    confirm_changes: str
    confirm_button: str
    cancel: str
    refused: str

    def seconds(self, value: float) -> str:
        """Return a length of time in its two largest units; milliseconds below a second."""
        milliseconds, second, minute, hour = self.units
        if value < 1:
            shown = f"{1000 * value:.1f}" if value < 0.1 else f"{1000 * value:.0f}"
            return f"{shown.replace('.', self.comma)} {milliseconds}"
        if value < 60:
            return f"{f'{value:.1f}'.replace('.', self.comma)} {second}"
        whole = round(value)
        if whole < 3600:
            return f"{whole // 60} {minute} {whole % 60} {second}"
        return f"{whole // 3600} {hour} {whole % 3600 // 60} {minute}"

    def megabytes(self, value: int) -> str:
        """Return a size in MB."""
        return f"{value / 1e6:.1f} MB".replace(".", self.comma)

    def share(self, value: float) -> str:
        """Return a share to four places, such as a recall."""
        return f"{value:.4f}".replace(".", self.comma)


VI = OperationsWords(
    comma=",",
    title="Vận hành",
    intro="Kho bài, bản dựng và máy chủ lúc này. Trang tự cập nhật.",
    stale="Chưa cập nhật được; các con số dưới đây đã cũ. Hãy tải lại trang.",
    units=("ms", "giây", "phút", "giờ"),
    ago="{time} trước",
    now="Lúc này",
    served="Đang phục vụ",
    nothing_served="Chưa có bản nào được phục vụ.",
    served_live="trong đó {added} bài mới viết, chưa nằm trong bản đã xuất bản",
    not_served="Bản đã xuất bản không dùng được: {problem}",
    running="Đang dựng kho",
    merging="Đang xuất bản những gì API đã ghi",
    no_build="Không có bản dựng nào đang chạy.",
    since="Bắt đầu {time}",
    stages={
        "": "chuẩn bị",
        "reading": "đọc nguồn",
        "encoding": "mã hóa",
        "indexing": "lập chỉ mục",
        "relating": "tìm bài liên quan",
        "mapping": "vẽ bản đồ",
        "publishing": "xuất bản",
    },
    of="{done} / {total}",
    rate="{rate} mỗi giây",
    left="còn khoảng {time}",
    process="tiến trình {pid}",
    changes="Thay đổi từ API",
    waiting="{count} thay đổi đang chờ",
    none_waiting="Không có thay đổi nào đang chờ.",
    oldest="cũ nhất {time}",
    live_articles="{count} bài trong phân đoạn sống",
    aside="{count} thay đổi bị để riêng vì không lập chỉ mục được",
    ingesting="Tiến trình nạp bài đang chạy.",
    not_ingesting="Không có tiến trình nạp bài nào đang chạy.",
    last_merge="Lần xuất bản gần nhất: {time}, mất {took}",
    never_merged="Chưa lần nào xuất bản thay đổi từ API.",
    snapshots="Các bản của kho",
    no_snapshots="Chưa có bản nào. Chạy lệnh lienquan index để dựng bản đầu tiên.",
    snapshot="Bản",
    made="Dựng lúc",
    articles="Số bài",
    vectors="Số vectơ",
    recall="Độ phủ (recall@10)",
    size="Dung lượng",
    parent="Dựng từ",
    no_parent="không có",
    current="hiện hành",
    here="máy này đang dùng",
    unusable="Không dùng được: {problem}",
    roll_back="Quay về bản này",
    may_not="Khóa của bạn không có quyền ingest, nên không thể quay về bản cũ.",
    rolled_back="Đã quay về bản {snapshot}. Máy chủ chuyển sang bản ấy trong vài giây.",
    builds="Những lần dựng gần đây",
    no_builds="Chưa ghi được lần dựng nào.",
    began="Bắt đầu",
    took="Thời gian",
    outcome="Kết quả",
    outcomes={
        "published": "đã xuất bản",
        "unchanged": "không có gì thay đổi",
        "failed": "không thành",
        "killed": "bị ngắt giữa chừng",
    },
    a_build="dựng kho",
    a_merge="xuất bản thay đổi",
    encoded="{count} bài được mã hóa",
    latency="Thời gian trả lời",
    recent="Trong {time} qua, mọi tiến trình cộng lại.",
    since_start="Từ khi dịch vụ khởi động, mọi tiến trình cộng lại.",
    no_requests="Chưa có yêu cầu nào.",
    kind="Loại",
    kinds={
        "search": "Tìm kiếm",
        "suggest": "Gợi ý",
        "related": "Bài liên quan",
        "article": "Trang bài",
        "write": "Ghi",
        "encoding": "Mã hóa câu hỏi",
    },
    requests="Số lần",
    half="Một nửa trong vòng (p50)",
    most="95 % trong vòng (p95)",
    encoder="Bộ mã hóa",
    encoder_well="{name} trả lời trong {time}.",
    encoder_ill="Bộ mã hóa không trả lời: {problem}. Tìm kiếm chỉ còn theo chữ.",
    sources="Nguồn bài",
    not_followed="Không theo dõi nguồn nào (lienquan sync).",
    source="Nguồn",
    state="Tình trạng",
    source_well="bình thường",
    source_ill="lỗi từ {time}: {problem}",
    following="Đang được theo dõi.",
    not_following="Không có tiến trình nào theo dõi.",
    late="Đã quá hạn hỏi lại.",
    asked="Hỏi lần cuối: {time}.",
    never="chưa lần nào",
    takedowns="Bài đã gỡ",
    no_takedowns="Chưa gỡ bài nào.",
    article="Bài",
    who="Người gỡ",
    why="Lý do",
    when="Lúc",
    lifted="cho phép trở lại {time}, bởi {who}",
    in_force="đang có hiệu lực",
    confirm="Quay về bản cũ?",
    confirm_intro="Mọi tiến trình sẽ trả lời từ bản được chọn trong vài giây. Bản hiện hành vẫn còn trên đĩa.",
    confirm_from="Hiện hành",
    confirm_to="Quay về",
    fewer="ít hơn {count} bài",
    more="nhiều hơn {count} bài",
    as_many="số bài bằng nhau",
    confirm_changes=(
        "Những gì API đã ghi được áp dụng lại lên bản ấy. Lần dựng sau từ nguồn sẽ lại thay bản ấy; nếu nguồn sai, hãy "
        "sửa nguồn trước."
    ),
    confirm_button="Quay về bản này",
    cancel="Thôi",
    refused="Chưa làm gì cả: {problem}",
)

EN = OperationsWords(
    comma=".",
    title="Operations",
    intro="Archive, builds and servers as they are now. The page keeps itself up to date.",
    stale="This page could not be brought up to date; the figures below are old. Reload it.",
    units=("ms", "s", "min", "h"),
    ago="{time} ago",
    now="Now",
    served="Served",
    nothing_served="No snapshot is served yet.",
    served_live="{added} of them written just now, in no published snapshot yet",
    not_served="The published snapshot cannot be used: {problem}",
    running="A build is running",
    merging="What the API wrote is being published",
    no_build="No build is running.",
    since="Began {time}",
    stages={
        "": "preparing",
        "reading": "reading sources",
        "encoding": "encoding",
        "indexing": "indexing",
        "relating": "finding what is related",
        "mapping": "drawing the map",
        "publishing": "publishing",
    },
    of="{done} of {total}",
    rate="{rate} a second",
    left="about {time} left",
    process="process {pid}",
    changes="Changes by the API",
    waiting="{count} changes waiting",
    none_waiting="No changes are waiting.",
    oldest="the oldest {time}",
    live_articles="{count} articles in the live segment",
    aside="{count} changes set aside, since they make indexing fail",
    ingesting="The process that ingests is running.",
    not_ingesting="No process ingests.",
    last_merge="Last published: {time}, took {took}",
    never_merged="What the API wrote was never published yet.",
    snapshots="Snapshots",
    no_snapshots="There is none yet. `lienquan index` makes the first one.",
    snapshot="Snapshot",
    made="Made",
    articles="Articles",
    vectors="Vectors",
    recall="Recall@10",
    size="Size",
    parent="Made from",
    no_parent="none",
    current="current",
    here="this worker's",
    unusable="Cannot be used: {problem}",
    roll_back="Roll back to it",
    may_not="Your key is not of scope ingest, so you cannot roll back.",
    rolled_back="Rolled back to {snapshot}. The servers follow within seconds.",
    builds="Recent builds",
    no_builds="None is on record yet.",
    began="Began",
    took="Took",
    outcome="Outcome",
    outcomes={
        "published": "published",
        "unchanged": "nothing had changed",
        "failed": "failed",
        "killed": "was killed on its way",
    },
    a_build="build",
    a_merge="merge",
    encoded="{count} articles encoded",
    latency="Latency",
    recent="Over the last {time}, all processes together.",
    since_start="Since the service started, all processes together.",
    no_requests="No requests yet.",
    kind="Kind",
    kinds={
        "search": "Search",
        "suggest": "Suggestions",
        "related": "Related articles",
        "article": "Article pages",
        "write": "Writes",
        "encoding": "Encoding of queries",
    },
    requests="Requests",
    half="Half within (p50)",
    most="95 % within (p95)",
    encoder="Encoder",
    encoder_well="{name} answers within {time}.",
    encoder_ill="The encoder does not answer: {problem}. Searches go by words alone.",
    sources="Sources",
    not_followed="No sources are followed (lienquan sync).",
    source="Source",
    state="State",
    source_well="as expected",
    source_ill="failing since {time}: {problem}",
    following="They are being followed.",
    not_following="No process follows them.",
    late="It is overdue to ask them again.",
    asked="Last asked: {time}.",
    never="never",
    takedowns="Takedowns",
    no_takedowns="None so far.",
    article="Article",
    who="By",
    why="Reason",
    when="When",
    lifted="lifted {time}, by {who}",
    in_force="in force",
    confirm="Roll back?",
    confirm_intro="Within seconds every process answers from the chosen snapshot. The current one stays on disk.",
    confirm_from="Current",
    confirm_to="Roll back to",
    fewer="{count} articles fewer",
    more="{count} articles more",
    as_many="as many articles",
    confirm_changes=(
        "What the API wrote is applied to it again. The next build from the sources replaces it; if they are at fault, "
        "mend them first."
    ),
    confirm_button="Roll back to it",
    cancel="Cancel",
    refused="Nothing was done: {problem}",
)

WORDS: Mapping[str, OperationsWords] = {"vi": VI, "en": EN}
