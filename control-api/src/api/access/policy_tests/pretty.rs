//! XML of our own writing, indented for people.

/// One element per line, and what holds text alone on one. For what our writer has made: no white
/// space between elements, no comments, and in texts no `>`.
pub(super) fn indented(xml: &str) -> String {
    let mut lines = String::new();
    let mut depth = 0_usize;
    let mut parts = parts(xml).into_iter().peekable();
    while let Some(part) = parts.next() {
        if part.starts_with("</") {
            depth = depth.saturating_sub(1);
        }
        lines.extend(std::iter::repeat_n("  ", depth));
        lines.push_str(part);
        let opens = part.starts_with('<') && !part.starts_with("</") && !part.ends_with("/>");
        if opens {
            match parts.next_if(|next| !next.starts_with('<') || next.starts_with("</")) {
                Some(close) => lines.push_str(close),
                None => depth += 1,
            }
        }
        lines.push('\n');
    }
    lines
}

/// Tags, and texts with the tag that ends them.
fn parts(xml: &str) -> Vec<&str> {
    let (mut parts, mut start, mut in_tag, mut in_value) = (Vec::new(), 0, false, false);
    for (at, byte) in xml.bytes().enumerate() {
        match byte {
            b'<' => in_tag = true,
            b'"' if in_tag => in_value = !in_value,
            b'>' if in_tag && !in_value => {
                in_tag = false;
                parts.extend(xml.get(start..=at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_stand_below_each_other_and_texts_where_they_were() {
        let xml = r#"<a b="1>2"><c>t "&gt; u</c><d></d><e><f>g</f></e></a>"#;
        let expected =
            "<a b=\"1>2\">\n  <c>t \"&gt; u</c>\n  <d></d>\n  <e>\n    <f>g</f>\n  </e>\n</a>\n";
        assert_eq!(indented(xml), expected);
    }
}
