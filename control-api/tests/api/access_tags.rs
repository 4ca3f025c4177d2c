//! `/access/tags`, and with them what all Access objects share.

use serde_json::{Value, json};

use crate::lab::labs;

#[tokio::test]
async fn a_tag_is_known_by_its_name() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        let other = lab.tenant("other.com").await;
        let tags = format!("/accounts/{}/access/tags", own.account);
        let made = lab.operator("POST", &tags, json!({"name": "Sales & more"})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        assert_eq!(made.result()["name"], "Sales & more");
        let again = lab.operator("POST", &tags, json!({"name": "Sales & more"})).await;
        assert_eq!((again.status.as_u16(), again.header("x-should-retry")), (409, "false"));
        let elsewhere = format!("/accounts/{}/access/tags", other.account);
        let made = lab.operator("POST", &elsewhere, json!({"name": "Sales & more"})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let path = format!("{tags}/Sales%20%26%20more");
        let found = lab.operator("GET", &path, Value::Null).await;
        assert_eq!((found.status.as_u16(), &found.result()["name"]), (200, &"Sales & more".into()));
        let replaced = lab.operator("PUT", &path, json!({"name": "Sales"})).await;
        assert_eq!((replaced.status.as_u16(), &replaced.result()["name"]), (200, &"Sales".into()));
        let gone = lab.operator("GET", &path, Value::Null).await;
        assert_eq!(gone.status, 404, "{}", gone.text);
        let path = format!("{tags}/Sales");
        let deleted = lab.operator("DELETE", &path, Value::Null).await;
        assert_eq!((deleted.status.as_u16(), deleted.id().as_str()), (202, "Sales"));
        assert_eq!(lab.operator("GET", &path, Value::Null).await.status, 404);
        assert_eq!(lab.operator("DELETE", &path, Value::Null).await.status, 404);
    }
}

#[tokio::test]
async fn a_list_is_paged_and_ends_in_an_empty_page() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        let tags = format!("/accounts/{}/access/tags", own.account);
        for name in ["Zulu", "Alpha", "Mike"] {
            lab.operator("POST", &tags, json!({"name": name})).await;
        }
        let names = async |query: &str| -> (Vec<Value>, Value) {
            let answer = lab.operator("GET", &format!("{tags}?{query}"), Value::Null).await;
            let items = answer.result().as_array().expect("a list").iter();
            (items.map(|item| item["name"].clone()).collect(), answer.body["result_info"].clone())
        };
        let (listed, info) = names("per_page=2").await;
        assert_eq!(listed, ["Zulu", "Alpha"]);
        assert_eq!((&info["count"], &info["total_count"]), (&2.into(), &3.into()));
        assert_eq!(names("per_page=2&page=2").await.0, ["Mike"]);
        assert!(names("per_page=2&page=3").await.0.is_empty());
        assert_eq!(names("name=Alpha").await.0, ["Alpha"]);
        assert_eq!(names("search=LPH").await.0, ["Alpha"]);
    }
}
