//! The evaluator beside a naive reference: three-valued logic, straight from the documentation,
//! over rules of which we know beforehand what they are worth.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Rules whose worth is known, and groups.
#[derive(Clone, Copy, Debug)]
enum Leaf {
    True,
    False,
    Unknown,
    /// Holds for whoever is called so.
    Name(&'static str),
    /// One of [`GROUPS`]; the last of them is nowhere.
    Group(usize),
}

const GROUPS: usize = 4;
const NAMES: [&str; 3] = ["ada", "bob", "cy"];

#[derive(Clone, Debug)]
struct Criteria {
    include: Vec<Leaf>,
    require: Vec<Leaf>,
    exclude: Vec<Leaf>,
}

#[derive(Clone, Debug)]
struct Model {
    decision: &'static str,
    criteria: Criteria,
}

fn json_of(leaf: Leaf) -> Value {
    match leaf {
        Leaf::True => json!({"geo": {"country_code": "AT"}}),
        Leaf::False => json!({"geo": {"country_code": "DE"}}),
        Leaf::Unknown => json!({"ip": {"ip": "nowhere"}}),
        Leaf::Name(name) => json!({"email": {"email": format!("{name}@example.com")}}),
        Leaf::Group(n) => json!({"group": {"id": format!("g{n}")}}),
    }
}

fn json_list(leaves: &[Leaf]) -> Value {
    leaves.iter().copied().map(json_of).collect()
}

fn leaf() -> impl Strategy<Value = Leaf> {
    prop_oneof![
        2 => Just(Leaf::True),
        2 => Just(Leaf::False),
        1 => Just(Leaf::Unknown),
        3 => select(&NAMES[..]).prop_map(Leaf::Name),
        2 => (0..=GROUPS).prop_map(Leaf::Group),
    ]
}

fn criteria(most: usize) -> impl Strategy<Value = Criteria> {
    (vec(leaf(), 0..=most), vec(leaf(), 0..most), vec(leaf(), 0..most))
        .prop_map(|(include, require, exclude)| Criteria { include, require, exclude })
}

/// Few groups within groups, so that the bound on their number stays out of this.
fn group() -> impl Strategy<Value = Criteria> {
    criteria(2).prop_map(|mut criteria| {
        let mut left = 2;
        let lists = [&mut criteria.include, &mut criteria.require, &mut criteria.exclude];
        for leaf in lists.into_iter().flatten() {
            match leaf {
                Leaf::Group(_) if left == 0 => *leaf = Leaf::Unknown,
                Leaf::Group(_) => left -= 1,
                _ => (),
            }
        }
        criteria
    })
}

fn model(decisions: &'static [&'static str]) -> impl Strategy<Value = Model> {
    (select(decisions), criteria(3)).prop_map(|(decision, criteria)| Model { decision, criteria })
}

const ALL: &[&str] = &["allow", "deny", "bypass", "non_identity"];
const ADMITTING: &[&str] = &["allow", "bypass", "non_identity"];

fn scene(groups: &[Criteria], name: Option<&str>) -> Scene {
    Scene::new().with(|scene| {
        for (n, group) in groups.iter().enumerate() {
            let criteria = json!({
                "include": json_list(&group.include), "require": json_list(&group.require),
                "exclude": json_list(&group.exclude),
            });
            scene.group(&format!("g{n}"), criteria);
        }
        scene.record(&format!("group:g{}", groups.len()), None);
        match name {
            Some(name) => {
                scene.identity.as_mut().unwrap().email = format!("{name}@example.com");
            }
            None => scene.identity = None,
        }
    })
}

fn policies(models: &[Model]) -> Vec<Policy> {
    let lists = |model: &Model| {
        let Criteria { include, require, exclude } = &model.criteria;
        policy(model.decision, json_list(include), json_list(require), json_list(exclude))
    };
    models.iter().map(lists).collect()
}

/// The reference. `None`: nobody knows.
struct Reference<'a> {
    groups: &'a [Criteria],
    name: &'a str,
}

impl Reference<'_> {
    fn outcome(&self, models: &[Model]) -> Outcome {
        let decide = |these: [&str; 2]| {
            models.iter().enumerate().find_map(|(index, model)| {
                let person = ["allow", "deny"].contains(&model.decision);
                let matched = self.criteria(&model.criteria, person, &[]);
                let wins = matched.unwrap_or(model.decision == "deny");
                (these.contains(&model.decision) && wins).then_some((index, model.decision))
            })
        };
        match decide(["bypass", "non_identity"]).or_else(|| decide(["allow", "deny"])) {
            Some((policy, "bypass")) => Outcome::Bypass { policy },
            Some((policy, "non_identity")) => Outcome::Service { policy },
            Some((policy, "allow")) => Outcome::Allow { policy },
            Some((policy, _)) => Outcome::Deny { policy: Some(policy) },
            None => Outcome::Deny { policy: None },
        }
    }

    fn criteria(&self, criteria: &Criteria, person: bool, path: &[usize]) -> Option<bool> {
        let value = |leaf: &Leaf| self.leaf(*leaf, person, path);
        let included = or(criteria.include.iter().map(value));
        let missing = or(criteria.require.iter().map(value).map(not));
        let excluded = or(criteria.exclude.iter().map(value));
        not(or([not(included), missing, excluded].into_iter()))
    }

    fn leaf(&self, leaf: Leaf, person: bool, path: &[usize]) -> Option<bool> {
        match leaf {
            Leaf::True => Some(true),
            Leaf::False => Some(false),
            Leaf::Unknown => None,
            Leaf::Name(name) => person.then_some(name == self.name),
            Leaf::Group(n) if path.contains(&n) => None,
            Leaf::Group(n) => {
                let group = self.groups.get(n)?;
                self.criteria(group, person, &[path, &[n]].concat())
            }
        }
    }
}

/// Kleene's or.
fn or(values: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let values: Vec<_> = values.collect();
    match values.contains(&Some(true)) {
        true => Some(true),
        false if values.contains(&None) => None,
        false => Some(false),
    }
}

fn not(value: Option<bool>) -> Option<bool> {
    value.map(|value| !value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_evaluator_says_what_the_documentation_says(
        groups in vec(group(), GROUPS),
        models in vec(model(ALL), 0..5),
        name in select(&NAMES[..]),
    ) {
        let expected = Reference { groups: &groups, name }.outcome(&models);
        prop_assert_eq!(scene(&groups, Some(name)).outcome(&policies(&models)), expected);
    }

    /// Nobody is sent away before sign-in who would come in after it.
    #[test]
    fn a_refusal_before_sign_in_holds_after_it(
        groups in vec(group(), GROUPS),
        models in vec(model(ALL), 0..5),
    ) {
        let policies = policies(&models);
        let before = scene(&groups, None).outcome(&policies);
        let allowed = matches!(before, Outcome::Allow { .. });
        prop_assert!(!allowed);
        for name in NAMES.into_iter().chain(["dee"]) {
            let after = scene(&groups, Some(name)).outcome(&policies);
            if matches!(before, Outcome::Deny { .. }) {
                prop_assert!(!after.admits(), "{name}: {after:?}");
            }
            if before.admits() {
                prop_assert_eq!(before, after);
            }
        }
    }

    #[test]
    fn one_more_deny_policy_never_grants(
        groups in vec(group(), GROUPS),
        models in vec(model(ALL), 0..4),
        denying in model(&["deny"]),
        place in 0_usize..5,
        name in prop::option::of(select(&NAMES[..])),
    ) {
        let scene = scene(&groups, name);
        let mut more = models.clone();
        more.insert(place.min(models.len()), denying);
        if scene.outcome(&policies(&more)).admits() {
            prop_assert!(scene.outcome(&policies(&models)).admits());
        }
    }

    #[test]
    fn one_more_requirement_never_grants(
        groups in vec(group(), GROUPS),
        models in vec(model(ALL), 0..3),
        admitting in model(ADMITTING),
        one_more in leaf(),
        to_excludes in any::<bool>(),
        name in prop::option::of(select(&NAMES[..])),
    ) {
        let scene = scene(&groups, name);
        let (mut fewer, mut more) = (models.clone(), models);
        fewer.push(admitting.clone());
        let mut stricter = admitting;
        let list = &mut stricter.criteria;
        if to_excludes { list.exclude.push(one_more) } else { list.require.push(one_more) }
        more.push(stricter);
        if scene.outcome(&policies(&more)).admits() {
            prop_assert!(scene.outcome(&policies(&fewer)).admits());
        }
    }
}
