#include "track/question.h"

enum rc question_event_app(struct questions *questions, uint64_t seq, struct buf *out, struct err *err)
{
    static const char APP[] = "SELECT n.text FROM event AS e JOIN name AS n ON n.id = e.app WHERE e.seq = ?1";
    struct question question;
    enum rc rc = question_begin(questions, &question, err);
    if (rc != RC_OK)
        return rc;
    sqlite3_stmt *rows = question_ask(&question, APP, "i", (int64_t)seq);
    if (rows && question_next(&question, rows))
        buf_add_slice(out, column_text(rows, 0));
    sqlite3_finalize(rows);
    return question_end(&question, out, err);
}
