"""The words of the comparison: the newest articles of the section beside what Lienquan would show.

Owns these words. Knows nothing of figures, or of where on the page they stand.
"""

from __future__ import annotations

from service.wording.catalogue import Words


class ComparisonWords(Words):
    """The words of the comparison.

    :ivar same_event: The share of links to the same event: estimated, said by the archive itself, or partly each.
    :ivar same_event_short: The same beside one article: estimated, or said by the archive itself.
    :ivar note_same_event: What the share means: estimated, said by the archive itself, or partly each.
    """

    title = "Bài liên quan: cách đang làm và Liên Quan"
    intro = (
        "{count} bài trong kho của tòa soạn, dưới mỗi bài tối đa {links} liên kết. Một bên là những bài mới nhất "
        "cùng chuyên mục, một bên là những bài Liên Quan chọn theo nội dung. Xin đọc các tít trước, rồi hãy xem con "
        "số."
    )
    overall = "Tổng hợp"
    measure = "Chỉ số"
    newest = "Mới nhất cùng chuyên mục"
    related = "Liên Quan"
    newest_of = "Mới nhất: {section}"
    same_event: tuple[str, str, str] = (
        "Ước lượng cùng sự kiện: độ liên quan hiệu chỉnh ≥ {least}",
        "Cùng sự kiện, theo trường “{field}” của kho bài",
        "Cùng sự kiện: theo trường “{field}” ở {judged} bài, còn lại ước lượng (độ liên quan hiệu chỉnh ≥ {least})",
    )
    same_event_short: tuple[str, str] = (
        "độ liên quan ≥ {least}",
        "cùng sự kiện",
    )
    relevance = "Độ liên quan trung bình (0 đến 1)"
    days = "Cách bài chính, trung bình (ngày)"
    duplicates = "Liên kết trùng lặp"
    sections = "Số chuyên mục trong một danh sách, trung bình"
    of_links = "{part} trên {all} liên kết"
    fewer = "Kho chỉ có {eligible} bài đủ điều kiện, ít hơn {wanted} bài được yêu cầu; tất cả đều có ở đây."
    pairs = "Từng bài một"
    list_days = "cách trung bình {value} ngày"
    list_relevance = "độ liên quan trung bình {value}"
    list_duplicates = "{value} trùng lặp"
    list_sections = "{value} chuyên mục"
    same_day = "cùng ngày"
    earlier = "trước {value} ngày"
    duplicate = "trùng lặp"
    none = "Không có bài nào."
    notes = "Các chỉ số nghĩa là gì"
    note_same_event: tuple[str, str, str] = (
        (
            "Kho bài không ghi bài nào cùng sự kiện với bài nào, nên đây là ước lượng: một liên kết được tính khi độ "
            "liên quan đã hiệu chỉnh của nó từ {least} trở lên. Liên Quan xếp bài theo chính thước đo này, nên con "
            "số nghiêng về phía Liên Quan; thước đo công bằng hơn là đánh giá của ban biên tập khi đọc các tít."
        ),
        (
            "Kho bài tự ghi mỗi bài thuộc sự kiện nào (trường “{field}”); con số lấy từ đó, không phải ước lượng. "
            "Bài được dẫn mà không ghi sự kiện thì không được tính là cùng sự kiện."
        ),
        (
            "Ở {judged} bài, kho bài tự ghi sự kiện (trường “{field}”) và con số lấy từ đó; ở những bài còn lại, đây "
            "là ước lượng: một liên kết được tính khi độ liên quan đã hiệu chỉnh từ {least} trở lên, tức là theo "
            "chính thước đo mà Liên Quan dùng để xếp bài."
        ),
    )
    note_relevance = (
        "Độ liên quan: xác suất ước lượng rằng người đọc thấy hai bài có liên quan, 0 là không, 1 là chắc chắn. Cả "
        "hai danh sách được đo bằng cùng một mô hình; Liên Quan xếp bài theo thước đo này, nên hơn ở đây là điều "
        "đương nhiên."
    )
    note_days = (
        "Khoảng cách từ ngày đăng của liên kết tới ngày đăng của bài chính. Nhỏ hơn là mới hơn, chưa chắc đã hay hơn."
    )
    note_duplicates = (
        "Liên kết có cùng thân bài với bài chính hoặc với một liên kết phía trên, hoặc tít gần như y hệt (từ {near} "
        "số từ trở lên giống nhau, mọi con số như nhau)."
    )
    note_sections = "Danh sách theo chuyên mục luôn chỉ có một chuyên mục."
    how = "So sánh thế nào"
    when = (
        "Cả hai danh sách được dựng ở thời điểm bài chính lên trang, không phải ở ngày mới nhất của kho, và chỉ gồm "
        "những bài đã đăng lúc đó. Lúc ấy danh sách theo chuyên mục gần bài chính nhất, tức là ở thế tốt nhất của "
        "nó; về sau, mọi bài cũ của một chuyên mục đều dẫn tới cùng mấy bài mới. Trên trang thật, Liên Quan còn dùng "
        "được bài đăng sau."
    )
    chosen = (
        "Kho có {articles} bài công khai; {eligible} bài có chuyên mục, ngày đăng và ít nhất {links} bài khác cùng "
        "chuyên mục đăng không muộn hơn. Trong số đó, {count} bài được chọn rải đều theo chuyên mục rồi theo thời "
        "gian, rút ngẫu nhiên với số gieo {seed}: chạy lại với cùng kho và cùng số gieo sẽ ra đúng những bài này."
    )
    left = (
        "“Mới nhất cùng chuyên mục” là giả định về cách trang báo đang chọn bài liên quan; bài chính không có trong "
        "danh sách. Nếu tòa soạn chọn cách khác, cột này không nói về cách đó."
    )
    made = "Lập lúc {made}. Bản chụp {snapshot}, mô hình {encoder}."
