//! From text to [`Expression`]: a small recursive-descent parser.

use serde_json::{Number, Value};

use super::{Dialect, Expression, Operator};

struct Parser<'a> {
    rest: &'a str,
    dialect: Dialect,
}

/// Reads the whole text as one expression.
pub(super) fn parse(text: &str, dialect: Dialect) -> Option<Expression> {
    let mut parser = Parser { rest: text, dialect };
    let expression = parser.whole()?;
    parser.skip_space();
    parser.rest.is_empty().then_some(expression)
}

impl Parser<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, token: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self, is_part: impl Fn(char) -> bool) -> Option<String> {
        self.skip_space();
        let end = self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len());
        if end == 0 {
            return None;
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(word.to_owned())
    }

    fn name(&mut self) -> Option<String> {
        self.skip_space();
        if self.rest.starts_with(|letter: char| letter.is_ascii_digit()) {
            return None;
        }
        self.word(|letter| letter.is_alphanumeric() || letter == '_')
    }

    /// A word that is an operator.
    fn take_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
        match self.rest.strip_prefix(word) {
            Some(rest) if !rest.starts_with(is_part) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn whole(&mut self) -> Option<Expression> {
        if self.dialect == Dialect::Jinja {
            return self.sum();
        }
        let mut left = self.all_of()?;
        while self.take_word("or") {
            left = Expression::Binary(Operator::Or, Box::new(left), Box::new(self.all_of()?));
        }
        Some(left)
    }

    fn all_of(&mut self) -> Option<Expression> {
        let mut left = self.negation()?;
        while self.take_word("and") {
            left = Expression::Binary(Operator::And, Box::new(left), Box::new(self.negation()?));
        }
        Some(left)
    }

    fn negation(&mut self) -> Option<Expression> {
        if self.take_word("not") {
            return Some(Expression::Not(Box::new(self.negation()?)));
        }
        let left = self.sum()?;
        let operators = [
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        match operators.into_iter().find(|(token, _)| self.take(token)) {
            None => Some(left),
            Some((_, operator)) => Some(Expression::Binary(operator, Box::new(left), Box::new(self.right_side()?))),
        }
    }

    /// A bare name on the right of a comparison is YAQL's keyword: a text.
    fn right_side(&mut self) -> Option<Expression> {
        Some(match self.sum()? {
            Expression::Name(name) => Expression::Literal(Value::String(name)),
            other => other,
        })
    }

    fn sum(&mut self) -> Option<Expression> {
        let mut left = self.product()?;
        loop {
            let operator = if self.take("+") {
                Operator::Add
            } else if self.take("~") {
                Operator::Concatenate
            } else if self.take("-") {
                Operator::Subtract
            } else {
                return Some(left);
            };
            left = Expression::Binary(operator, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Option<Expression> {
        let mut left = self.filtered()?;
        loop {
            let operator = if self.take("*") {
                Operator::Multiply
            } else if self.take("//") {
                Operator::FloorDivide
            } else if self.take("/") {
                Operator::Divide
            } else if self.take("%") {
                Operator::Remainder
            } else {
                return Some(left);
            };
            left = Expression::Binary(operator, Box::new(left), Box::new(self.filtered()?));
        }
    }

    fn filtered(&mut self) -> Option<Expression> {
        let mut value = self.member()?;
        while self.take("|") {
            let name = self.name()?;
            let arguments = if self.take("(") { self.arguments()? } else { Vec::new() };
            value = Expression::Filter(Box::new(value), name, arguments);
        }
        Some(value)
    }

    fn member(&mut self) -> Option<Expression> {
        let mut value = self.atom()?;
        loop {
            if self.take(".") {
                value = Expression::Attribute(Box::new(value), self.name()?);
            } else if self.take("[") {
                let index = self.whole()?;
                value = Expression::Index(Box::new(value), Box::new(index));
                self.take("]").then_some(())?;
            } else {
                return Some(value);
            }
        }
    }

    fn atom(&mut self) -> Option<Expression> {
        if self.take("(") {
            let inner = self.whole()?;
            return self.take(")").then_some(inner);
        }
        self.skip_space();
        match self.rest.chars().next()? {
            quote @ ('\'' | '"') => self.text(quote),
            digit if digit.is_ascii_digit() => self.number(),
            '-' => {
                self.take("-");
                let value = self.member()?;
                let zero = Expression::Literal(Value::from(0));
                Some(Expression::Binary(Operator::Subtract, Box::new(zero), Box::new(value)))
            }
            _ => self.named(),
        }
    }

    fn named(&mut self) -> Option<Expression> {
        let name = self.name()?;
        Some(match name.as_str() {
            "true" | "True" => Expression::Literal(Value::Bool(true)),
            "false" | "False" => Expression::Literal(Value::Bool(false)),
            "none" | "None" | "null" => Expression::Literal(Value::Null),
            _ if self.take("(") => Expression::Call(name, self.arguments()?),
            _ => Expression::Name(name),
        })
    }

    /// The arguments of a call, whose opening bracket is read. A bare name in `ctx(name)` is YAQL's keyword: a text.
    fn arguments(&mut self) -> Option<Vec<Expression>> {
        let mut arguments = Vec::new();
        while !self.take(")") {
            arguments.push(match self.whole()? {
                Expression::Name(name) => Expression::Literal(Value::String(name)),
                other => other,
            });
            if !self.take(",") {
                self.take(")").then_some(())?;
                break;
            }
        }
        Some(arguments)
    }

    fn text(&mut self, quote: char) -> Option<Expression> {
        let inner = &self.rest[1..];
        let end = inner.find(quote)?;
        self.rest = &inner[end + 1..];
        Some(Expression::Literal(Value::String(inner[..end].to_owned())))
    }

    fn number(&mut self) -> Option<Expression> {
        let digits = self.word(|letter| letter.is_ascii_digit() || letter == '.')?;
        let number = match digits.parse::<i64>() {
            Ok(whole) => Number::from(whole),
            Err(_) => Number::from_f64(digits.parse().ok()?)?,
        };
        Some(Expression::Literal(Value::Number(number)))
    }
}
