"""Saved pages of ten kinds, written here: builders that put an invented article into a newspaper's usual clutter.

Every word of clutter that must not reach a body holds MARK; each builder returns the bytes of a page.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass, field, replace

MARK = "Xyzzy"


@dataclass(frozen=True)
class Sample:
    """One invented article, and what of it a layout shows."""

    slug: str
    title: str
    sapo: str
    paragraphs: tuple[str, ...]
    author: str
    section: str
    day: str  # dd/mm/yyyy
    clock: str = "17:04"
    tags: tuple[str, ...] = field(default=("làng quê", "đời sống"))

    @property
    def published(self) -> str:
        day, month, year = self.day.split("/")
        return f"{year}-{month}-{day}T{self.clock}:00"

    @property
    def body(self) -> str:
        return "\n".join(self.paragraphs)


SAMPLES = (
    Sample(
        "thu-vien-tren-song",
        "Thư viện trên sông của thầy giáo Trịnh Văn Lộc",
        "Mười hai năm nay, mỗi sáng thứ bảy, một chiếc ghe chở đầy sách lại cập bến các xóm chài dọc kênh Bà Tám.",
        (
            "Ghe của thầy Lộc dài chín mét, mái lợp lá, hai bên đóng kệ gỗ. Trên kệ có hơn hai nghìn cuốn, từ truyện "
            "tranh, sách khoa học cho đến những tập thơ đã sờn gáy.",
            "“Ngày đầu chỉ có bốn em xuống mượn, vì các em ngại bùn”, thầy kể. Nay mỗi chuyến ghe đón chừng "
            "sáu mươi bạn "
            "đọc, có cả các cụ già muốn tìm sách về trồng dừa.",
            "Sách do các trường trong huyện quyên góp. Mỗi cuốn được bọc nhựa, ghi tên người tặng ở trang đầu, và được "
            "kiểm tra sau mỗi lần mượn để tránh ẩm mốc.",
            "Bà Đặng Thị Nhài, chủ một bè cá, cho biết hai cháu của bà biết đọc nhờ những buổi chiều ngồi trên ghe. Bà "
            "góp dầu cho ghe chạy, mỗi tháng mười lít.",
            "Năm tới, thầy Lộc mong có thêm một chiếc ghe nữa cho các xóm bên kia sông, nơi học trò còn "
            "phải chèo xuồng "
            "gần một giờ mới tới được trường.",
        ),
        "Hạ Vy",
        "Giáo dục",
        "07/11/2023",
    ),
    Sample(
        "bao-so-9-doi-huong",
        "Bão số 9 đổi hướng, ngư dân Cửa Mơ gấp rút neo tàu",
        "Chính quyền thị trấn Cửa Mơ yêu cầu mọi tàu cá về bến trước 19 giờ tối nay, sớm hơn dự kiến ba giờ.",
        (
            "Theo bản tin lúc 13 giờ, tâm bão cách bờ khoảng 240 km, sức gió mạnh nhất cấp 11. Bão đi chậm "
            "lại rồi lệch "
            "về phía tây bắc, nên vùng ảnh hưởng rộng hơn.",
            "Tại cảng, 312 tàu đã neo thành ba hàng. Lực lượng biên phòng dùng loa gọi những chủ tàu còn "
            "lại, đồng thời "
            "giúp người nuôi tôm chằng buộc lồng bè.",
            "Ông Phùng Bá Dậu, thuyền trưởng một tàu câu mực, nói ông về sớm hai ngày, chấp nhận lỗ chừng "
            "ba mươi triệu "
            "đồng. “Tiền còn kiếm được, người thì không”, ông nói.",
            "Các trường trong thị trấn cho học sinh nghỉ từ chiều mai. Nhà văn hóa và hai chùa được dọn làm "
            "nơi trú tạm "
            "cho khoảng tám trăm người ở bãi ngang.",
            "Sở Nông nghiệp dự báo mưa từ 150 đến 300 mm trong hai ngày, có nguy cơ sạt lở ở ba xã ven núi phía tây.",
        ),
        "Quách Minh Triết",
        "Thời sự",
        "21/09/2022",
        "13:45",
        ("bão số 9", "ngư dân"),
    ),
    Sample(
        "doi-bong-nu-lang-khe",
        "Đội bóng nữ làng Khe lần đầu vào chung kết giải tỉnh",
        "Mười lăm cô gái ban ngày hái chè, buổi chiều tập bóng trên bãi đất trống, vừa thắng đội hạt giống số một.",
        (
            "Trận bán kết diễn ra dưới mưa. Sau chín mươi phút không bàn thắng, đội làng Khe thắng 4-2 trong loạt sút "
            "luân lưu, thủ môn Lò Thị Mẩy cản được hai quả.",
            "Huấn luyện viên Vương Đình Sách vốn là thợ sửa xe. Ông học chiến thuật từ những băng ghi hình "
            "cũ, vẽ sơ đồ "
            "bằng phấn lên cánh cửa nhà kho của hợp tác xã.",
            "Cả đội chỉ có mười một đôi giày, người vào sân thay phải đổi giày với người ra. Sau trận "
            "thắng, một cửa hàng "
            "ở thị xã đã tặng đủ giày cho mọi cầu thủ.",
            "“Chúng em không nghĩ mình đi xa như thế”, đội trưởng Giàng Thị Sua chia sẻ. Cô vừa xin nghỉ "
            "hái chè ba ngày "
            "để cùng đồng đội xuống tỉnh.",
            "Chung kết sẽ đá lúc 16 giờ chủ nhật. Xã đã thuê hai xe khách chở người hâm mộ, và ai không đi "
            "được thì xem "
            "qua màn hình lớn ở sân đình.",
        ),
        "Nông Thùy Dương",
        "Thể thao",
        "03/06/2024",
        "08:30",
        ("bóng đá nữ", "làng Khe"),
    ),
    Sample(
        "gia-ca-phe-tang",
        "Giá cà phê tăng, nông dân Đồi Gió vẫn chưa vội bán",
        "Giá nhân xô tại xã Đồi Gió lên mức cao nhất trong sáu năm, nhưng nhiều nhà vẫn giữ hàng trong kho.",
        (
            "Sáng qua, thương lái trả 98.500 đồng một ký, cao hơn tuần trước gần bốn nghìn đồng. Dù vậy, "
            "kho của hợp tác "
            "xã Đồi Gió còn nguyên một trăm hai mươi tấn.",
            "Chị Hoàng Thị Lụa, chủ ba héc ta, giải thích rằng gia đình chị đã trả xong nợ phân bón nên "
            "không còn bị ép "
            "bán ngay sau vụ thu hoạch như những năm trước.",
            "Chủ nhiệm hợp tác xã Tạ Quang Khoát thì lo ngại: kho không có máy sấy, nếu mưa kéo dài thì hạt dễ mốc, "
            "chất lượng giảm, và giá cao mấy cũng không bù được.",
            "Các chuyên gia khuyên bán làm nhiều đợt. Theo họ, nguồn cung toàn cầu có thể phục hồi vào quý ba, khi các "
            "nước Nam Mỹ bước vào vụ mới.",
            "Ngân hàng địa phương cho biết sẽ cho vay thế chấp bằng hàng trong kho với lãi suất 6,2 % một năm.",
        ),
        "Lương Thế Hòa",
        "Kinh tế",
        "15/01/2025",
        "06:10",
        ("cà phê", "nông sản"),
    ),
    Sample(
        "ca-ghep-giac-mac",
        "Bệnh viện huyện ghép giác mạc thành công cho cụ bà 81 tuổi",
        "Lần đầu tiên một bệnh viện tuyến huyện trong vùng tự thực hiện ca ghép giác mạc mà không cần chuyển tuyến.",
        (
            "Ca mổ kéo dài hai giờ, do bác sĩ Thân Trọng Nghĩa cùng bốn đồng nghiệp thực hiện. Giác mạc "
            "được hiến từ một "
            "người đàn ông qua đời vì tai nạn ở huyện bên.",
            "Cụ bà Mạc Thị Thảo gần như không thấy gì từ sáu năm trước. Sáng hôm sau ca mổ, cụ đếm được ngón tay ở "
            "khoảng cách hai mét, và nhận ra con gái út.",
            "Theo bác sĩ Nghĩa, khó nhất là bảo quản: mô ghép phải được dùng trong bảy ngày, trong khi "
            "phòng mổ của bệnh "
            "viện vừa sửa xong hệ thống lọc khí.",
            "Chi phí của ca ghép được quỹ bảo hiểm chi trả tám phần mười, phần còn lại do một nhóm cựu học sinh của "
            "trường huyện đóng góp.",
            "Bệnh viện đang có danh sách chờ hai mươi bảy người. Đến cuối năm, đơn vị hy vọng ghép được cho "
            "một phần ba "
            "trong số đó nếu có đủ người hiến.",
        ),
        "Khúc Hải Nam",
        "Sức khỏe",
        "29/02/2024",
        "20:15",
        ("ghép giác mạc", "y tế"),
    ),
)

SITE = "Báo Bình Minh"
HOST = "https://binhminh.example"


def _p(sample: Sample, cls: str = "") -> str:
    return "\n".join(f"<p{cls}>{html.escape(text, quote=False)}</p>" for text in sample.paragraphs)


def _url(sample: Sample) -> str:
    return f"{HOST}/{sample.slug}-12345.html"


def _others(sample: Sample, tag: str = "li") -> str:
    others = [other for other in SAMPLES if other.slug != sample.slug]
    return "".join(f'<{tag}><a href="{_url(o)}">{MARK} {o.title}</a></{tag}>' for o in others)


def _teasers(sample: Sample) -> str:
    others = [other for other in SAMPLES if other.slug != sample.slug]
    return "".join(
        f'<div class="story"><h3><a href="{_url(o)}">{o.title} {MARK}</a></h3><p>{o.sapo} {MARK}</p></div>'
        for o in others
    )


def _menu(many: int = 12) -> str:
    items = "".join(f'<li><a href="/muc-{i}">{MARK} Chuyên mục {i}</a></li>' for i in range(many))
    return f'<ul class="menu">{items}</ul>'


def _meta(sample: Sample, suffix: str = " - Báo Bình Minh") -> str:
    return (
        f'<meta charset="utf-8"><title>{sample.title}{suffix}</title>'
        f'<meta property="og:site_name" content="{SITE}"><link rel="canonical" href="{_url(sample)}">'
    )


def _footer() -> str:
    return f"<footer><p>{MARK} Giấy phép 123/GP, tổng biên tập: Bạch Công Khải. Bản quyền: {SITE}, 2019.</p></footer>"


def json_ld(sample: Sample) -> bytes:
    """Layout 1: everything in JSON-LD, whose body has no paragraphs, within a @graph, among broken blocks."""
    article = {
        "@type": "NewsArticle",
        "headline": sample.title,
        "description": sample.sapo,
        "articleBody": " ".join(sample.paragraphs),
        "author": [{"@type": "Person", "name": sample.author}],
        "image": {"@type": "ImageObject", "url": f"{HOST}/a.jpg"},
        "datePublished": sample.published + "+07:00",
        "articleSection": sample.section,
        "publisher": {"@type": "Organization", "name": SITE},
        "keywords": list(sample.tags),
    }
    graph = json.dumps({"@context": "https://schema.org", "@graph": [{"@type": "WebSite", "name": SITE}, article]})
    return (
        f"<!DOCTYPE html><html><head>{_meta(sample)}"
        f'<script type="application/ld+json">{{"@type": "NewsArticle", "headline": "Hỏng",}}</script>'
        f'<script type="application/ld+json">{graph}</script></head><body><header>{_menu()}</header>'
        f'<main><h1>{sample.title}</h1><div class="sub">{sample.sapo}</div><div class="content">{_p(sample)}</div>'
        f"<div class='more'><h4>{MARK} Đọc thêm</h4><ul>{_others(sample)}</ul></div></main>{_footer()}</body></html>"
    ).encode()


def open_graph(sample: Sample) -> bytes:
    """Layout 2: OpenGraph and article: tags only."""
    return (
        f"<html><head>{_meta(sample, ' | Báo Bình Minh')}<meta property='og:type' content='article'>"
        f'<meta property="og:title" content="{sample.title} | Báo Bình Minh">'
        f'<meta property="og:description" content="{sample.sapo}"><meta property="og:image" content="{HOST}/a.jpg">'
        f'<meta property="article:published_time" content="{sample.published}+07:00">'
        f'<meta property="article:section" content="{sample.section}"><meta name="author" content="{sample.author}">'
        + "".join(f'<meta property="article:tag" content="{tag}">' for tag in sample.tags)
        + f'</head><body>{_menu()}<div id="wrap"><h1>{sample.title}</h1><div class="text">{_p(sample)}</div></div>'
        f'<div class="box"><h2>{MARK} Tin mới</h2>{_teasers(sample)}</div>{_footer()}</body></html>'
    ).encode()


def wordpress(sample: Sample) -> bytes:
    """Layout 3: a theme with sidebar, comments and related posts."""
    comments = "".join(
        f'<li class="comment"><cite class="comment-author">Bạn đọc {i}</cite><time datetime="2025-12-0{i}">x</time>'
        f"<div class='comment-content'><p>{MARK} Bài viết rất hay, tôi mong có thêm nhiều bài như thế "
        f"này nữa, cảm ơn tòa "
        f"soạn và tác giả đã kể lại câu chuyện.</p></div></li>"
        for i in range(1, 6)
    )
    return (
        f"<html><head>{_meta(sample, ' &#8211; Báo Bình Minh')}</head><body class='single single-post'>"
        f'<header class="site-header"><h1 class="site-title">{SITE}</h1>{_menu()}</header><div id="content">'
        f'<article class="post-7 post type-post hentry category-x"><header class="entry-header">'
        f'<h1 class="entry-title">{sample.title}</h1><div class="entry-meta"><span class="posted-on">'
        f'<time class="entry-date published" datetime="{sample.published}+07:00">{sample.day}</time></span>'
        f'<span class="byline"><span class="author vcard"><a class="url fn n" rel="author" '
        f'href="/a">{sample.author}</a>'
        f'</span></span></div></header><div class="entry-content">{_p(sample)}'
        f'<div class="sharedaddy sd-sharing"><h3>{MARK} Chia sẻ</h3></div>'
        f'<div id="jp-relatedposts" class="jp-relatedposts"><ul>{_others(sample)}</ul></div></div></article>'
        f'<div id="comments" class="comments-area"><h2>5 bình luận {MARK}</h2><ol '
        f'class="comment-list">{comments}</ol></div>'
        f'</div><aside id="secondary" class="widget-area"><section class="widget widget_recent_entries">'
        f"<ul>{_others(sample)}</ul></section></aside>{_footer()}</body></html>"
    ).encode()


def vietnamese_cms(sample: Sample) -> bytes:
    """Layout 4: no metadata; classes of Vietnamese systems and a Vietnamese date."""
    return (
        f'<html><head><meta charset="utf-8"><title>{sample.title} - {SITE}</title></head><body><div class="header">'
        f'{_menu()}</div><div class="breadcrumb"><a href="/">Trang chủ</a> <a href="/x">{sample.section}</a></div>'
        f'<div class="detail"><h1 class="title-detail">{sample.title}</h1>'
        f'<span class="date">Thứ Ba, {sample.day} {sample.clock} (GMT+7)</span><h2 class="sapo">{sample.sapo}</h2>'
        f'<div class="detail-content">{_p(sample)}<div class="box-tinlienquan"><ul>{_others(sample)}</ul></div></div>'
        f'<p class="author">{sample.author}</p><div class="tags">{MARK} <a href="/t">thẻ</a></div></div>'
        f'<div class="tin-lien-quan">{_teasers(sample)}</div><div class="binh-luan">{MARK} Gửi bình luận của bạn</div>'
        f'<div class="footer">{MARK} Cơ quan chủ quản: Hội Người Dậy Sớm</div></body></html>'
    ).encode()


def amp(sample: Sample) -> bytes:
    """Layout 5: an AMP page."""
    ld = {
        "@type": "Article",
        "headline": sample.title,
        "author": sample.author,
        "datePublished": sample.published + "Z",
    }
    return (
        f'<!doctype html><html ⚡ lang="vi"><head>{_meta(sample, "")}<script async src="https://cdn.example/v0.js">'
        f"</script><style amp-custom>p{{margin:0}}</style><script "
        f'type="application/ld+json">{json.dumps([ld])}</script>'
        f'</head><body><amp-sidebar id="s">{_menu()}</amp-sidebar><header class="amp-header">{SITE}</header>'
        f'<main><h1>{sample.title}</h1><p class="article-chapeau">{sample.sapo}</p><amp-img src="/a.jpg" width="1" '
        f'height="1"></amp-img><div class="amp-content">{_p(sample)}</div><amp-ad type="x">{MARK}</amp-ad>'
        f'<section class="amp-related"><h3>{MARK} Bài liên quan</h3><ul>{_others(sample)}</ul></section></main>'
        f"{_footer()}</body></html>"
    ).encode()


def old_tables(sample: Sample) -> bytes:
    """Layout 6: tables within tables, in windows-1258, the title in a <font>."""
    side = "".join(f'<tr><td><a href="#"><font size="1">{MARK} mục {i}</font></a></td></tr>' for i in range(9))
    text = "<br><br>".join(sample.paragraphs)
    page = (
        '<HTML><HEAD><META http-equiv="Content-Type" content="text/html; charset=windows-1258">'
        f'<TITLE>{sample.title} - {SITE}</TITLE></HEAD><BODY bgcolor="#FFFFFF"><TABLE width="780"><TR>'
        f'<TD width="150" valign="top"><TABLE>{side}</TABLE></TD><TD><TABLE><TR><TD><FONT size="4"><B>{sample.title}'
        f'</B></FONT></TD></TR><TR><TD><FONT size="1">{sample.day.replace("/", "-")} - {sample.clock}</FONT></TD></TR>'
        f'<TR><TD><FONT face=".VnTime" size="2">{text}</FONT></TD></TR></TABLE></TD></TR></TABLE>'
        f'<CENTER><FONT size="1">{MARK} Thiết kế bởi phòng kỹ thuật</FONT></CENTER></BODY></HTML>'
    )
    return in_windows_1258(page)


def in_windows_1258(page: str) -> bytes:
    """Encode as old Vietnamese pages are: base letters, then combining tone marks; what is missing as a reference."""
    import unicodedata

    out = []
    for character in page:
        parts = unicodedata.normalize("NFD", character)
        tone = [mark for mark in parts[1:] if mark in "\u0300\u0309\u0303\u0301\u0323"]
        base = unicodedata.normalize("NFC", parts[0] + "".join(mark for mark in parts[1:] if mark not in tone))
        out.append(base + "".join(tone))
    return "".join(out).encode("cp1258", "xmlcharrefreplace")


def microdata(sample: Sample) -> bytes:
    """Layout 7: itemprops."""
    return (
        f'<html><head><meta charset="utf-8"><title>{sample.title} » {SITE}</title></head><body>{_menu()}'
        '<div itemscope itemtype="http://schema.org/NewsArticle"><meta itemprop="articleSection" '
        f'content="{sample.section}"><h1 itemprop="headline">{sample.title}</h1><p><span itemprop="author" itemscope '
        f'itemtype="http://schema.org/Person"><span itemprop="name">{sample.author}</span></span>, '
        f'<time itemprop="datePublished" datetime="{sample.published}+07:00">hôm nọ</time></p>'
        f'<div itemprop="description">{sample.sapo}</div><div itemprop="articleBody">{_p(sample)}</div>'
        f'<div itemprop="publisher" itemscope><span itemprop="name">{SITE}</span></div></div>'
        f'<div class="xem-them"><ul>{_others(sample)}</ul></div>{_footer()}</body></html>'
    ).encode()


def huge_navigation(sample: Sample) -> bytes:
    """Layout 8: a menu longer than the article, and a cookie banner."""
    return (
        f'<html><head>{_meta(sample)}<meta name="description" content="{sample.sapo}"></head><body>'
        f'<div id="cookie-consent"><p>{MARK} Chúng tôi dùng cookie để trang chạy tốt hơn. Bằng cách tiếp tục xem trang '
        f"này, bạn đồng ý với chính sách bảo mật của chúng tôi và của các bên thứ ba có liên quan.</p></div>"
        f'<div class="topbar">{_menu(250)}</div><div class="page"><div class="main"><h1>{sample.title}</h1>'
        f'<div class="info"><span class="name-author">{sample.author}</span><span class="publish-time">{sample.clock}, '
        f'{sample.day}</span></div><div class="body-text">{_p(sample)}</div></div></div>'
        f'<div class="bottom">{_menu(80)}</div>{_footer()}</body></html>'
    ).encode()


def mobile(sample: Sample) -> bytes:
    """Layout 9: a mobile page with <article>, figures and a time in Vietnamese words."""
    first, *rest = sample.paragraphs
    figure = f'<figure><img data-src="/b.jpg"><figcaption>{MARK} Ảnh: {sample.author}</figcaption></figure>'
    day, month, year = (int(part) for part in sample.day.split("/"))
    return (
        f'<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{sample.title}'
        f'</title><meta property="og:url" content="{_url(sample)}"></head><body><nav>{_menu()}</nav><article><header>'
        f'<h1>{sample.title}</h1><div class="meta"><a rel="author" href="/tg">{sample.author}</a> '
        f"<time>{sample.clock.replace(':', 'h')} ngày {day} tháng {month} năm {year}</time></div></header>"
        f'<p class="lead">{sample.sapo}</p><p>{first}</p>{figure}'
        + "".join(f"<p>{text}</p>" for text in rest)
        + f'{figure}</article><section class="related-news">{_teasers(sample)}</section>{_footer()}</body></html>'
    ).encode()


def print_version(sample: Sample) -> bytes:
    """Layout 10: a plain page to print."""
    return (
        f'<html><head><meta charset="utf-8"><title>In bài: {sample.title}</title></head><body onload="print()">'
        f'<p><a href="javascript:close()">{MARK} Đóng</a></p><h1>{sample.title}</h1><p><i>{sample.day} '
        f"{sample.clock}</i></p>"
        f'{_p(sample)}<p align="right" class="author"><b>{sample.author}</b></p><hr><p>Nguồn: {HOST} '
        f"{MARK}</p></body></html>"
    ).encode()


LAYOUTS = {
    builder.__name__: (builder, fields)
    for builder, fields in (
        (json_ld, {"lead", "section"}),
        (open_graph, {"lead", "section"}),
        (wordpress, set()),
        (vietnamese_cms, {"lead", "section"}),
        (amp, {"lead"}),
        (old_tables, set()),
        (microdata, {"lead", "section"}),
        (huge_navigation, {"lead"}),
        (mobile, {"lead"}),
        (print_version, set()),
    )
}
"""By name: the builder, and which of lead and section its pages show."""


def pages() -> list[tuple[str, Sample, set[str], bytes]]:
    """Return the thirty pages: layout, article, fields that it shows beyond the usual, bytes."""
    made = []
    for at, (name, (builder, shown)) in enumerate(LAYOUTS.items()):
        for turn in range(3):
            sample = SAMPLES[(at + turn) % len(SAMPLES)]
            if name == "old_tables":
                sample = replace(sample, author="")
            made.append((name, sample, shown, builder(sample)))
    return made
