"""The reference manual: a page for each element, made of its one definition; and what each back end does with it.

`facts.study(cls)` says what there is to know of a class, `pages.page` writes it as Markdown, `pages.book` the whole
manual. Nothing here describes an element: all of it is read from the class, its programs, and what the back ends say.
"""

from innet.manual.facts import Study, study
from innet.manual.pages import book, page

__all__ = ["Study", "book", "page", "study"]
