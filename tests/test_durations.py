"""The record of how long test files take: what a report says of them, and the order that comes of it."""

from tests import durations
from tests.durations import of_report, read, write

REPORT = """<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite>
<testcase classname="tests.test_a" name="test_one" time="0.5"/>
<testcase classname="tests.service.test_b.TestThis" name="test_two[x]" time="2.25"/>
<testcase classname="tests.test_a" name="test_three" time="3"/>
<testcase classname="tests.test_c" name="test_four" time="0.2"/>
</testsuite></testsuites>"""


def test_seconds_are_summed_by_file_and_come_back_without_the_short_ones(tmp_path):
    report, record = tmp_path / "report.xml", tmp_path / "durations.tsv"
    report.write_text(REPORT, encoding="utf-8")
    seconds = of_report(report)
    assert list(seconds.items()) == [("test_a.py", 3.5), ("service/test_b.py", 2.25), ("test_c.py", 0.2)]
    write(seconds, record)
    assert read(record) == {"test_a.py": 4.0, "service/test_b.py": 2.0}


def test_the_record_begins_with_the_longest():
    assert list(read().values()) == sorted(read().values(), reverse=True)


def test_the_longest_are_begun_first(request):
    begun = list(dict.fromkeys(item.path.relative_to(durations.ROOT).as_posix() for item in request.session.items))
    seconds = [read().get(name, 0.0) for name in begun]
    assert seconds == sorted(seconds, reverse=True)
