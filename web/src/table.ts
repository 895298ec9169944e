// A table that is looked up with what senders chose: it has its own rows and nothing that objects inherit, such as `toString`.
export const table = <T>(rows: Record<string, T>): Record<string, T> => Object.assign(Object.create(null) as Record<string, T>, rows);
