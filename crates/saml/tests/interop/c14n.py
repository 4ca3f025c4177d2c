"""Exclusive C14N by lxml: document, index of the element, whether with comments, prefixes."""

from lxml import etree
from lines import answer


def canonical(document, index, comments, prefixes):
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(document, parser)
        elements = list(root.iter(etree.Element))
        element = elements[int(index) % len(elements)]
        inclusive = [p for p in prefixes.decode().split(" ") if p] or None
        form = etree.tostring(
            element,
            method="c14n",
            exclusive=True,
            with_comments=comments == b"yes",
            inclusive_ns_prefixes=inclusive,
            with_tail=False,
        )
        return b"canonical", form
    except (etree.XMLSyntaxError, etree.C14NError) as error:
        return b"refused", str(error).encode()


answer(canonical)
