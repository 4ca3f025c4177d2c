use super::*;

#[test]
fn paths_lead_to_members() {
    let rows = [
        ("name", json!("Ada Lovelace")),
        ("address.city", json!("London")),
        ("address.lines", json!(["St James's Square", "12"])),
        ("address.lines[0]", json!("St James's Square")),
        ("address.lines[-1]", json!("12")),
        ("address.lines[9]", Json::Null),
        ("`a b`.c", json!(true)),
        ("'a b'.c", json!(true)),
        ("groups.name", json!(["Global Administrator", "Reader", "Application Administrator"])),
        ("groups[size > 5].name", json!("Reader")),
        ("groups[size > 5].name[]", json!(["Reader"])),
        ("groups[size = 3][1].id", json!("3")),
        ("groups[[0..1]].id", json!(["1", "2"])),
        ("groups[name = 'Nobody'].id", Json::Null),
        ("groups^(>size, name).id", json!(["2", "3", "1"])),
        ("groups{$string(size): id}", json!({ "3": ["1", "3"], "20": "2" })),
        (
            "groups.{'n': name}.n[0]",
            json!(["Global Administrator", "Reader", "Application Administrator"]),
        ),
        ("(groups.name)[0]", json!("Global Administrator")),
        ("groups.[id, size]", json!([["1", 3], ["2", 20], ["3", 3]])),
        ("address.*", json!(["London", "St James's Square", "12"])),
        ("**.city", json!("London")),
        ("nothing.at.all", Json::Null),
        ("$.email", json!("ada@example.com")),
        ("$$.address.($$.name & ', ' & city)", json!("Ada Lovelace, London")),
        ("none", Json::Null),
        ("empty", json!([])),
    ];
    for (expression, expected) in rows {
        let got = run(expression, &person()).unwrap();
        assert_eq!(got.unwrap_or_default(), expected, "{expression}");
    }
}

#[test]
fn operators_and_functions_compute() {
    let rows = [
        ("age + 2 * 3 - 1", json!(41)),
        ("7 % 4 / 2", json!(1.5)),
        ("-age", json!(-36)),
        ("0.1 + 0.2", json!(0.3)),
        ("age > 30 and name != 'x' or $error()", json!(true)),
        ("missing = missing", json!(false)),
        ("'1' in groups.id", json!(true)),
        ("'a' & 1 & true & null & missing & [1, {'b': 2}]", json!("a1truenull[1,{\"b\":2}]")),
        ("age < 18 ? 'child' : age < 70 ? 'adult' : 'old'", json!("adult")),
        ("age < 18 ? 'child'", Json::Null),
        ("missing ?? none ?? 'x'", Json::Null),
        ("'' ?: 'default'", json!("default")),
        ("[1..3, 'x', [4, 5], missing]", json!([1, 2, 3, "x", [4, 5]])),
        ("{'k': missing, 'l': name}", json!({ "l": "Ada Lovelace" })),
        ("($a := 1; $b := $a + 1; $a + $b)", json!(3)),
        ("($f := function($n) { $n < 2 ? 1 : $n * $f($n - 1) }; $f(6))", json!(720)),
        ("(function($x, $y) { $exists($y) })(1)", json!(false)),
        ("($add := function($n) { function($m) { $n + $m } }; $add(2)(3))", json!(5)),
        ("name ~> $uppercase() ~> $substring(0, 3)", json!("ADA")),
        ("($shout := $uppercase ~> function($s) { $s & '!' }; $shout('hey'))", json!("HEY!")),
        (
            "$substringBefore(email, '@') & '+' & $substringAfter(email, '@')",
            json!("ada+example.com"),
        ),
        ("name.$length()", json!(12)),
        ("$split(name, ' ')[1]", json!("Lovelace")),
        ("$split('a1b22c', /[0-9]+/)", json!(["a", "b", "c"])),
        ("$join(groups.id, '-')", json!("1-2-3")),
        ("$replace(email, /(\\w+)@(.*)/, '$2/$1$$')", json!("example.com/ada$")),
        ("$replace('aaa', 'a', 'b', 2)", json!("bba")),
        ("$replace('a1', /\\d/, function($m) { '<' & $m.match & '>' })", json!("a<1>")),
        ("$match('a1b2', /([a-z])(\\d)/)[1].groups", json!(["b", "2"])),
        ("$contains(name, /LOVE/i)", json!(true)),
        ("$pad('5', -3, '0') & $pad('x', 3) & '|'", json!("005x  |")),
        ("$trim('  a \n b ')", json!("a b")),
        ("$base64decode($base64encode('grüß'))", json!("grüß")),
        ("$number('12.5') + $sum(groups.size)", json!(38.5)),
        ("[$round(2.5), $round(3.5), $round(1.005, 2), $floor(-1.5)]", json!([2, 4, 1, -2])),
        ("[$count(groups), $max(groups.size), $average([1, 2])]", json!([3, 20, 1.5])),
        ("$map(groups, function($g, $i) { $i & $g.id })", json!(["01", "12", "23"])),
        ("$map([1, 2], $string)", json!(["1", "2"])),
        ("$filter(groups, function($g) { $contains($g.name, 'Admin') }).id", json!(["1", "3"])),
        ("$reduce([1..4], function($a, $b) { $a * $b })", json!(24)),
        ("$single(groups, function($g) { $g.id = '2' }).name", json!("Reader")),
        ("$sift(address, function($v, $k) { $k = 'city' })", json!({ "city": "London" })),
        ("$each({'a': 1, 'b': 2}, function($v, $k) { $k & $v })", json!(["a1", "b2"])),
        ("$sort(groups.name)[0]", json!("Application Administrator")),
        ("$sort([3, 1, 2], function($a, $b) { $a < $b })", json!([3, 2, 1])),
        ("$distinct(groups.size)", json!([3, 20])),
        ("$reverse([1, 2]) ~> $append(0)", json!([2, 1, 0])),
        ("$zip([1, 2], ['a', 'b'])", json!([[1, "a"], [2, "b"]])),
        ("$merge([{'a': 1}, {'b': 2}, {'a': 3}])", json!({ "a": 3, "b": 2 })),
        ("$keys(address)", json!(["city", "lines"])),
        ("$spread({'a': 1, 'b': 2})", json!([{ "a": 1 }, { "b": 2 }])),
        ("$lookup(address, 'city')", json!("London")),
        (
            "[$type(1), $type(name), $type(groups), $type($type)]",
            json!(["number", "string", "array", "function"]),
        ),
        ("$boolean([0, '']) or $not('')", json!(true)),
        (
            "$ ~> |address|{'city': 'Paris'}, 'lines'| ~> $lookup('address')",
            json!({ "city": "Paris" }),
        ),
        ("$count($keys($ ~> |$|{}, ['groups', 'name']|))", json!(7)),
        ("/* nothing */ 1.5e3", json!(1500)),
        ("'\\u0041\\uD83D\\uDE00\\n'", json!("A😀\n")),
        ("$string(1e21) & ' ' & 1e-7 & ' ' & 123456789012", json!("1e+21 1e-7 123456789012")),
    ];
    for (expression, expected) in rows {
        let got =
            run(expression, &person()).unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert_eq!(got.unwrap_or_default(), expected, "{expression}");
    }
}

#[test]
fn what_is_wrong_is_said_and_where() {
    let rows = [
        ("", "at 0: the expression is not complete"),
        ("name &", "at 6: the expression is not complete"),
        ("name name", "at 5: `name` where the end is expected"),
        ("(1", "at 2: the end where ) is expected"),
        ("'abc", "at 0: a text does not end"),
        ("'\\x'", "at 1: a text holds an escape that there is not"),
        ("'\\uD800'", "at 1: a text holds an escape that there is not"),
        ("/abc", "at 0: a regular expression does not end"),
        ("/a(/", "at 0: a regular expression: "),
        ("/(?=a)/", "at 0: a regular expression: "),
        ("/a{9999}{9999}/", "at 0: a regular expression: "),
        ("$nope(1)", "at 5: there is no function $nope"),
        ("$now()", "at 0: $now is not supported"),
        ("$eval('1')", "at 0: $eval is not supported"),
        ("a.%.b", "at 2: the parent operator % is not supported"),
        ("a@$b.c", "at 1: binding by @ is not supported"),
        ("$substring(?, 1)", "at 11: partial application is not supported"),
        ("function($a)<n:n>{$a}", "at 12: the signature of a function is not supported"),
        ("1 := 2", "at 2: only a variable can be bound"),
        ("a.1", "at 1: a number or the like is no step of a path"),
        ("1 + 'a'", "a text is no number to calculate with"),
        ("1 < 'a'", "a number and a text have no order"),
        ("1 / 0", "the result of a calculation is not a number"),
        ("$uppercase(1)", "$uppercase: a number where there may be none"),
        ("$join([1])", "$join: a number among the texts"),
        ("$sum(1, 2)", "$sum: too many arguments"),
        ("{1: 2}", "a key of an object is a number"),
        ("'x'('y')", "a text is called like a function"),
        ("$error('no such person')", "no such person"),
        ("$assert(1 = 2, 'not so')", "not so"),
        ("$single([1, 2])", "$single: 2 values fit, not one"),
        ("$number('0x12')", "$number: a text that is no number"),
    ];
    for (expression, expected) in rows {
        let error = run(expression, &person()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{expression}: {error}");
    }
}
