#include "track/names.h"

#include <string.h>

#include "base/hash.h"

static int64_t look_up(struct state *state, struct slice text)
{
    state_ask(state, STATE_FIND_NAME, "s", text);
    int64_t id = state_number(state, STATE_FIND_NAME, 0);
    if (id == 0 && !state_failed(state)) {
        state_run(state, STATE_ADD_NAME, "s", text);
        id = sqlite3_last_insert_rowid(state->db);
    }
    return state_failed(state) ? 0 : id;
}

int64_t names_number(struct names *names, struct state *state, struct slice text)
{
    if (text.len == 0)
        return 0;
    if (text.len > NAMES_MAX_LEN)
        return look_up(state, text);
    struct names_slot *slot = &names->slots[hash_bytes(text.ptr, text.len) % NAMES_SLOTS];
    if (slot->id != 0 && slice_equal(slice_of(slot->text, slot->len), text))
        return slot->id;
    slot->id = look_up(state, text);
    slot->len = text.len;
    memcpy(slot->text, text.ptr, text.len);
    return slot->id;
}

void names_write(struct state *state, int64_t id, struct buf *out)
{
    if (id == 0)
        return;
    state_ask(state, STATE_NAME_TEXT, "i", id);
    sqlite3_stmt *row = state_next(state, STATE_NAME_TEXT);
    if (!row)
        return;
    buf_add_slice(out, column_text(row, 0));
    state_done(state, STATE_NAME_TEXT);
}

void names_forget(struct names *names)
{
    for (size_t i = 0; i < NAMES_SLOTS; i++)
        names->slots[i].id = 0;
}
