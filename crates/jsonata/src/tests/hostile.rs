use super::*;

/// Each goes on for ever, or makes data without end, where nobody stops it. Debug builds need far
/// more stack than the worker, and get no more than it has here.
#[test]
fn every_bomb_ends() {
    let deep = |open: &str, middle: &str, close: &str, times: usize| {
        [open.repeat(times), middle.to_owned(), close.repeat(times)].concat()
    };
    let bombs = [
        "($f := function() { $f() }; $f())".to_owned(),
        "($f := function($n) { $f($n + 1) + 1 }; $f(0))".to_owned(),
        "($f := function($n) { $n < 1 ? 1 : $f($n - 1) + $f($n - 1) }; $f(20))".to_owned(),
        "(function($f) { $f($f) })(function($f) { $f($f) })".to_owned(),
        "$pad('x', 1e18)".to_owned(),
        "$pad('x', -1e9, 'ab')".to_owned(),
        "$pad('x', 1e300)".to_owned(),
        "[0..1e15]".to_owned(),
        "[-1e300..1e300]".to_owned(),
        "$map([1..50000], function($i) { [1..50000] })".to_owned(),
        "$reduce([1..60], function($s, $i) { $s & $s }, 'xx')".to_owned(),
        "$reduce([1..60], function($s, $i) { $append($s, $s) }, [1, 2])".to_owned(),
        "$reduce([1..99999], function($s, $i) { [$s] }, [])".to_owned(),
        "$reduce([1..99999], function($s, $i) { {'a': $s} }, {})".to_owned(),
        "$reduce([1..99999], function($s, $i) { $s ~> $string }, $string)".to_owned(),
        "$reduce([1..99999], function($s, $i) { function() { $s } }, 1)".to_owned(),
        "($x := $pad('', 60000, 'a'); $replace($x, 'a', $x))".to_owned(),
        "($x := $pad('', 60000, 'a'); $replace($x, /a/, '$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0'))".to_owned(),
        "($x := $pad('', 60000, 'a'); $join($map([1..9999], function() { $x })))".to_owned(),
        "($x := $pad('', 60000, 'a'); $map([1..9999], function() { $contains($x, /(a*)*b/) }))".to_owned(),
        "($x := $pad('', 99999, 'a'); $split($x, ''))".to_owned(),
        "$sort([1..99999], function($a, $b) { true })".to_owned(),
        "$distinct([1..99999])".to_owned(),
        "**.**.**.**.**.**.**.**.**.**".to_owned(),
        "groups.($$.groups.($$.groups.($$.groups.($$.groups.($$.groups.($$.groups.($$.groups.($$.groups.($$.groups.($$.groups.id))))))))))".to_owned(),
        "($a := [$, $]; $b := [$a, $a]; $c := [$b, $b]; $d := [$c, $c, $c, $c]; $e := [$d, $d, $d, $d]; $g := [$e, $e, $e, $e]; $h := [$g, $g, $g, $g]; $i := [$h, $h, $h, $h]; [$i, $i, $i, $i, $i])".to_owned(),
        // A list that is in two places of another one, that in two places of a third, ..
        "$reduce([1..60], function($s) { [[$s], [$s]] }, ['']) ? 1 : 2".to_owned(),
        "$boolean($reduce([1..60], function($s) { [[$s], [$s]] }, ['']))".to_owned(),
        "($x := $pad('', 90000, 'a'); $count($match($x, /a[^b]*b|a/)))".to_owned(),
        "($x := $pad('', 90000, 'a'); $replace($x, /a[^b]*b|a/, 'c'))".to_owned(),
        "($x := $pad('', 90000, 'a'); $split($x, /a[^b]*b|a/))".to_owned(),
        "($x := $pad('', 900000, 'a'); $contains($x, /(((a?){9}){9}){9}b/))".to_owned(),
        "($x := $pad('', 90000, 'a'); $replace($x, /a+/, $pad('', 60000, '$0')))".to_owned(),
        "($x := [$pad('', 100000, '\\u0001')]; $string($map([1..70], function() { $x })))".to_owned(),
        "($x := $pad('', 900000, 'a'); $sort($map([1..20000], function() { $x })))".to_owned(),
        "($x := $pad('', 900000, 'a'); [$map([1..20000], function() { $x })]^($))".to_owned(),
        "($x := $pad('', 900000, 'a'); {$x: 1})".to_owned(),
        "/a{99}/&".repeat(1_500) + "1",
        deep("(", "1", ")", 5_000),
        deep("[", "1", "]", 5_000),
        deep("{'a':", "1", "}", 2_000),
        deep("function(){", "1", "}", 1_000),
        deep("a[", "1", "]", 5_000),
        deep("a{'b':", "1", "}", 2_000),
        deep("-", "1", "", 10_000),
        deep("1+", "1", "", 8_000),
        deep("a.", "a", "", 8_000),
        deep("true?", "1", "", 3_000),
        deep("$a:=", "1", "", 4_000),
        deep("a~>", "a", "", 5_000),
        deep("|a|", "1", "|", 3_000),
        deep("", "a", "[0]", 5_000),
        deep("", "a", "^(a)", 4_000),
        deep("", "$string", "()", 8_000),
        "x".repeat(MAX_LENGTH + 1),
    ];
    for bomb in bombs {
        let shown: String = bomb.chars().take(60).collect();
        let worked = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
            match run(&bomb, &person()) {
                Ok(value) => value.map_or(0, |value| value.to_string().len()),
                Err(error) => {
                    let bounded = matches!(
                        error,
                        Error::Steps
                            | Error::Memory
                            | Error::Depth
                            | Error::TooLong
                            | Error::Type(_)
                            | Error::Syntax { .. }
                    );
                    assert!(bounded, "{error}");
                    0
                }
            }
        });
        let size = worked.unwrap().join().unwrap_or_else(|_| panic!("{shown}"));
        assert!(size <= 20 << 20, "{shown}: {size} bytes");
    }
}

/// As deep as may be, on the stack that the worker has.
#[test]
fn what_is_as_deep_as_may_be_is_evaluated() {
    let worked = std::thread::Builder::new().stack_size(1 << 20).spawn(|| {
        let sum = "1+".repeat(90) + "1";
        assert_eq!(run(&sum, &person()), Ok(Some(json!(91))));
        let nested = ["(".repeat(55).as_str(), "age", ")".repeat(55).as_str()].concat();
        assert_eq!(run(&nested, &person()), Ok(Some(json!(36))));
        let count = "($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f(20))";
        assert_eq!(run(count, &person()), Ok(Some(json!(20))));
        let mut input = json!("deep");
        for _ in 0..60 {
            input = json!([{ "a": input }]);
        }
        assert_eq!(run("a", &input), Err(Error::Depth));
        let long = vec!["'x'"; 3_000].join(",");
        assert_eq!(run(&format!("$count([{long}])"), &person()), Ok(Some(json!(3_000))));
    });
    worked.unwrap().join().unwrap();
}

/// What looks cheap and is not is paid for before it is done.
#[test]
fn hidden_work_is_counted() {
    let text = "($x := $pad('', 90000, 'a'); ";
    for (rest, error) in [
        ("$count($match($x, /a[^b]*b|a/)))", Error::Steps),
        ("$replace($x, /a[^b]*b|a/, 'c'))", Error::Steps),
        ("$count($split($x, /a[^b]*b|a/)))", Error::Steps),
        ("$map([1..99], function() { $contains($x, /a{99}b/) }))", Error::Steps),
        ("$replace($x, /a+/, $pad('', 60000, '$0')))", Error::Memory),
        ("$sort($map([1..20000], function() { $x })))", Error::Steps),
        (
            "$y := $pad('', 100000, '\\u0001'); $string($map([1..20], function() { $y })))",
            Error::Memory,
        ),
    ] {
        assert_eq!(run(&format!("{text}{rest}"), &person()), Err(error), "{rest}");
    }
    let many = "/a{99}/;".repeat(65);
    assert!(matches!(run(&format!("({many})"), &person()), Err(Error::Syntax { .. })));
    let shared = "$reduce([1..60], function($s) { [[$s], [$s]] }, [''])";
    assert_eq!(run(&format!("{shared} ? 1 : 2"), &person()), Ok(Some(json!(2))));
    assert_eq!(run("$split('a1b22c', /[0-9]+/)", &person()), Ok(Some(json!(["a", "b", "c"]))));
    assert_eq!(run("$split('abc', /x?/, 2)", &person()), Ok(Some(json!(["", "a"]))));
}

fn word() -> impl Strategy<Value = String> {
    let words = [
        "a",
        "groups",
        "name",
        "$",
        "$$",
        "$x",
        "$f",
        "'t'",
        "\"u\"",
        "1",
        "-2.5",
        "1e9",
        "true",
        "null",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ".",
        ",",
        ";",
        ":",
        "?",
        ":=",
        "~>",
        "&",
        "+",
        "-",
        "*",
        "**",
        "/",
        "%",
        "=",
        "!=",
        "<",
        ">",
        "and",
        "or",
        "in",
        "..",
        "^(",
        "|",
        "/a+/i",
        "function($x){",
        "$map(",
        "$filter(",
        "$string(",
        "$merge(",
        "$replace(",
        "$reduce(",
        "$sort(",
        "$each(",
        "$split(",
        "$join(",
        "$pad(",
        "$substring(",
        "??",
        "?:",
        "@",
        "#",
        "\\",
        "`b`",
        "é",
        "\u{0}",
    ];
    proptest::sample::select(words.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Neither reading nor evaluating panics, and the same comes out every time.
    #[test]
    fn any_words_end_well(words in prop::collection::vec(word(), 0..24), blank in "[ ]?") {
        let expression = words.join(&blank);
        let first = run(&expression, &person());
        prop_assert_eq!(first, run(&expression, &person()));
    }

    #[test]
    fn any_characters_end_well(expression in "\\PC{0,60}") {
        let _ = run(&expression, &person());
    }

    /// What is told apart by its place in the input stays apart.
    #[test]
    fn any_text_passes_through(text in any::<String>()) {
        let input = json!({ "text": text, "list": [text.as_str(), "x"] });
        prop_assert_eq!(run("text", &input), Ok(Some(json!(text))));
        let both = run("{'a': text, 'b': list[1]}", &input);
        prop_assert_eq!(both, Ok(Some(json!({ "a": text, "b": "x" }))));
    }
}
