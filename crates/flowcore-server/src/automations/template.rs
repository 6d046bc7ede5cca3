//! Templates that users write: texts with what is known of the event in them.

use minijinja::Environment;

/// What is wrong with a template.
#[derive(Debug)]
pub(crate) struct TemplateProblem {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// Says what is wrong with a template, if anything is.
pub(crate) fn check_template(template: &str) -> Result<(), TemplateProblem> {
    let problem = |error: minijinja::Error| TemplateProblem {
        line: error.line().unwrap_or(1),
        message: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
    };
    Environment::new().template_from_str(template).map(drop).map_err(problem)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn templates_are_checked() {
        for template in
            ["", "plain", "{{ event.resource['prefect.resource.id'] }}", "{% for a in b %}{{ a | upper }}{% endfor %}"]
        {
            assert!(check_template(template).is_ok(), "{template}");
        }
        let problem = check_template("fine\n{{ never closed").unwrap_err();
        assert_eq!(problem.line, 2, "{problem:?}");
        assert!(!problem.message.is_empty());
    }
}
