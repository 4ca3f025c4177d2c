//! What attackers send. Every row of the table is refused, and each says why.
