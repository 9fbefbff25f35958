PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE run (
  run INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL,
  source_sha TEXT NOT NULL,
  mapping_sha TEXT NOT NULL,
  head TEXT NOT NULL,
  snapshot TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  outcome TEXT NOT NULL DEFAULT 'running',
  exit_code INTEGER,
  elapsed_ms INTEGER NOT NULL DEFAULT 0,
  sent INTEGER NOT NULL DEFAULT 0,
  retried INTEGER NOT NULL DEFAULT 0,
  throttled INTEGER NOT NULL DEFAULT 0,
  source_rows INTEGER NOT NULL DEFAULT 0
);
INSERT INTO run VALUES(1,'20261127T024704Z-leads','sandbox','1f8a94200ab5966887ae7ce8681b70a0edcbf9c6f542f9be34db5d873175b88b','5ed66d6c27e904aa72b8e7a71f329a4b56f41b8fac6ed49104be19d9836eea73','{"source":{"path":"leads.csv","sha256":"1f8a94200ab5966887ae7ce8681b70a0edcbf9c6f542f9be34db5d873175b88b","sheet":null,"header_row":1,"format":"csv","encoding":"UTF-8","bom":false,"delimiter":";","titles":["Номер","Сделка","Бюджет","Этап"]},"mapping":{"path":"leads.toml","sha256":"5ed66d6c27e904aa72b8e7a71f329a4b56f41b8fac6ed49104be19d9836eea73"},"kind":"lead","entity":"leads","action":"create","account":"sandbox","target":"sandbox","base":"http://127.0.0.1:39755","folder":"runs/20261127T024704Z-leads","batch":null,"settle":60,"verify":"none","rate":7,"rows":null,"limit":null,"again":false,"catalog":null}','{"schema":1,"base":"http://127.0.0.1:39755","pulled_at":1795747623,"basics":{"id":31000001,"name":"Ромашка","subdomain":"sandbox","country":"RU","currency":"RUB","customers_mode":"segments","current_user":500001,"timezone":"Europe/Moscow"},"pipelines":[{"id":4100001,"name":"Продажи","is_main":true,"is_archive":false,"stages":[{"id":41000001,"name":"Неразобранное","kind":1},{"id":41000003,"name":"Первичный контакт","kind":0},{"id":41000005,"name":"Переговоры","kind":0},{"id":41000007,"name":"Принимают решение","kind":0},{"id":41000009,"name":"Согласование договора","kind":0},{"id":142,"name":"Успешно реализовано","kind":0},{"id":143,"name":"Закрыто и не реализовано","kind":0}]},{"id":4100003,"name":"Опт","is_main":false,"is_archive":false,"stages":[{"id":41000101,"name":"Неразобранное","kind":1},{"id":41000103,"name":"Заявка","kind":0},{"id":41000105,"name":"Коммерческое предложение","kind":0},{"id":41000107,"name":"Счёт выставлен","kind":0},{"id":41000109,"name":"Отгрузка","kind":0},{"id":142,"name":"Успешно реализовано","kind":0},{"id":143,"name":"Закрыто и не реализовано","kind":0}]}],"users":[{"id":500001,"name":"Анна Смирнова","email":"anna@example.com","is_active":true},{"id":500003,"name":"Иван Петров","email":"ivan@example.com","is_active":true},{"id":500005,"name":"Мария Кузнецова","email":"maria@example.com","is_active":true},{"id":500007,"name":"Олег Соколов","email":"oleg@example.com","is_active":true},{"id":500009,"name":"Елена Попова","email":"elena@example.com","is_active":false}],"loss_reasons":[{"id":4200001,"name":"Дорого"},{"id":4200003,"name":"Пропала потребность"},{"id":4200005,"name":"Выбрали конкурента"},{"id":4200007,"name":"Нет бюджета"}],"catalogs":[],"fields":{"leads":[{"id":600101,"name":"Источник","code":null,"kind":"select","options":[{"id":910101,"value":"Сайт","code":null},{"id":910102,"value":"Звонок","code":null},{"id":910103,"value":"Выставка","code":null},{"id":910104,"value":"Рекомендация","code":null},{"id":910105,"value":"Реклама","code":null}]},{"id":600102,"name":"Город","code":null,"kind":"text","options":[]},{"id":600103,"name":"Номер заявки","code":"ORDER_NO","kind":"text","options":[]},{"id":600104,"name":"Комментарий","code":null,"kind":"textarea","options":[]},{"id":600105,"name":"Скидка, %","code":null,"kind":"numeric","options":[]},{"id":600106,"name":"Предоплата","code":null,"kind":"monetary","options":[]},{"id":600107,"name":"Дата отгрузки","code":null,"kind":"date","options":[]},{"id":600108,"name":"Встреча","code":null,"kind":"date_time","options":[]},{"id":600109,"name":"Срочно","code":null,"kind":"checkbox","options":[]},{"id":600110,"name":"Интересы","code":null,"kind":"multiselect","options":[{"id":911001,"value":"Обучение","code":null},{"id":911002,"value":"Поддержка","code":null},{"id":911003,"value":"Внедрение","code":null},{"id":911004,"value":"Оборудование","code":null},{"id":911005,"value":"Аренда, лизинг","code":null}]},{"id":600111,"name":"Формат","code":null,"kind":"radiobutton","options":[{"id":911101,"value":"Онлайн","code":null},{"id":911102,"value":"Офлайн","code":null}]},{"id":600112,"name":"Сайт проекта","code":null,"kind":"url","options":[]},{"id":600113,"name":"Адрес доставки","code":null,"kind":"streetaddress","options":[]},{"id":600114,"name":"Адрес объекта","code":null,"kind":"smart_address","options":[{"id":1,"value":"address_line_1","code":"address_line_1"},{"id":2,"value":"address_line_2","code":"address_line_2"},{"id":3,"value":"city","code":"city"},{"id":4,"value":"state","code":"state"},{"id":5,"value":"zip","code":"zip"},{"id":6,"value":"country","code":"country"}]},{"id":600115,"name":"День рождения","code":null,"kind":"birthday","options":[]},{"id":600116,"name":"Реквизиты","code":null,"kind":"legal_entity","options":[]},{"id":600117,"name":"Документ","code":null,"kind":"file","options":[]},{"id":600118,"name":"Категория товара","code":null,"kind":"chained_list","options":[],"chain":[1005]},{"id":600119,"name":"utm_source","code":"UTM_SOURCE","kind":"tracking_data","options":[]},{"id":600120,"name":"utm_medium","code":"UTM_MEDIUM","kind":"tracking_data","options":[]},{"id":600121,"name":"utm_campaign","code":"UTM_CAMPAIGN","kind":"tracking_data","options":[]}]},"segments":[],"customer_statuses":[],"elements":{},"customers":null}',1795747624,'some-rejected',1,271,2,0,0,4);
INSERT INTO run VALUES(2,'20261127T024705Z-contacts','sandbox','9b0cbcd08d6d969285660d380a0871292d4319af5093f724502563287e4765b5','7277d159038236423e6505c96f7c8e5648f02262f7e0f97be1af4b9395fe8b55','{"source":{"path":"contacts.csv","sha256":"9b0cbcd08d6d969285660d380a0871292d4319af5093f724502563287e4765b5","sheet":null,"header_row":1,"format":"csv","encoding":"UTF-8","bom":false,"delimiter":",","titles":["code","name"]},"mapping":{"path":"contacts.toml","sha256":"7277d159038236423e6505c96f7c8e5648f02262f7e0f97be1af4b9395fe8b55"},"kind":"contact","entity":"contacts","action":"create","account":"sandbox","target":"sandbox","base":"http://127.0.0.1:39755","folder":"runs/20261127T024705Z-contacts","batch":null,"settle":60,"verify":"none","rate":7,"rows":null,"limit":null,"again":false,"catalog":null}','{"schema":1,"base":"http://127.0.0.1:39755","pulled_at":1795747624,"basics":{"id":31000001,"name":"Ромашка","subdomain":"sandbox","country":"RU","currency":"RUB","customers_mode":"segments","current_user":500001,"timezone":"Europe/Moscow"},"pipelines":[{"id":4100001,"name":"Продажи","is_main":true,"is_archive":false,"stages":[{"id":41000001,"name":"Неразобранное","kind":1},{"id":41000003,"name":"Первичный контакт","kind":0},{"id":41000005,"name":"Переговоры","kind":0},{"id":41000007,"name":"Принимают решение","kind":0},{"id":41000009,"name":"Согласование договора","kind":0},{"id":142,"name":"Успешно реализовано","kind":0},{"id":143,"name":"Закрыто и не реализовано","kind":0}]},{"id":4100003,"name":"Опт","is_main":false,"is_archive":false,"stages":[{"id":41000101,"name":"Неразобранное","kind":1},{"id":41000103,"name":"Заявка","kind":0},{"id":41000105,"name":"Коммерческое предложение","kind":0},{"id":41000107,"name":"Счёт выставлен","kind":0},{"id":41000109,"name":"Отгрузка","kind":0},{"id":142,"name":"Успешно реализовано","kind":0},{"id":143,"name":"Закрыто и не реализовано","kind":0}]}],"users":[{"id":500001,"name":"Анна Смирнова","email":"anna@example.com","is_active":true},{"id":500003,"name":"Иван Петров","email":"ivan@example.com","is_active":true},{"id":500005,"name":"Мария Кузнецова","email":"maria@example.com","is_active":true},{"id":500007,"name":"Олег Соколов","email":"oleg@example.com","is_active":true},{"id":500009,"name":"Елена Попова","email":"elena@example.com","is_active":false}],"loss_reasons":[{"id":4200001,"name":"Дорого"},{"id":4200003,"name":"Пропала потребность"},{"id":4200005,"name":"Выбрали конкурента"},{"id":4200007,"name":"Нет бюджета"}],"catalogs":[],"fields":{"contacts":[{"id":600201,"name":"Телефон","code":"PHONE","kind":"multitext","options":[{"id":920101,"value":"WORK","code":"WORK"},{"id":920102,"value":"WORKDD","code":"WORKDD"},{"id":920103,"value":"MOB","code":"MOB"},{"id":920104,"value":"FAX","code":"FAX"},{"id":920105,"value":"HOME","code":"HOME"},{"id":920106,"value":"OTHER","code":"OTHER"}]},{"id":600202,"name":"Email","code":"EMAIL","kind":"multitext","options":[{"id":920201,"value":"WORK","code":"WORK"},{"id":920202,"value":"PRIV","code":"PRIV"},{"id":920203,"value":"OTHER","code":"OTHER"}]},{"id":600203,"name":"Мессенджер","code":"IM","kind":"multitext","options":[{"id":920301,"value":"SKYPE","code":"SKYPE"},{"id":920302,"value":"ICQ","code":"ICQ"},{"id":920303,"value":"JABBER","code":"JABBER"},{"id":920304,"value":"GTALK","code":"GTALK"},{"id":920305,"value":"MSN","code":"MSN"},{"id":920306,"value":"OTHER","code":"OTHER"}]},{"id":600204,"name":"Должность","code":"POSITION","kind":"text","options":[]},{"id":600205,"name":"День рождения","code":null,"kind":"birthday","options":[]},{"id":600206,"name":"Пол","code":null,"kind":"radiobutton","options":[{"id":920601,"value":"Мужской","code":null},{"id":920602,"value":"Женский","code":null}]},{"id":600207,"name":"Город","code":null,"kind":"text","options":[]},{"id":600208,"name":"Источник контакта","code":null,"kind":"select","options":[{"id":920801,"value":"Сайт","code":null},{"id":920802,"value":"Звонок","code":null},{"id":920803,"value":"Выставка","code":null},{"id":920804,"value":"Рекомендация","code":null},{"id":920805,"value":"Реклама","code":null}]},{"id":600209,"name":"Согласие на рассылку","code":null,"kind":"checkbox","options":[]},{"id":600210,"name":"Клиент с","code":null,"kind":"date","options":[]},{"id":600211,"name":"Код клиента","code":null,"kind":"text","options":[]},{"id":600212,"name":"Комментарий","code":null,"kind":"textarea","options":[]},{"id":600213,"name":"Детей","code":null,"kind":"numeric","options":[]},{"id":600214,"name":"Увлечения","code":null,"kind":"multiselect","options":[{"id":921401,"value":"Спорт","code":null},{"id":921402,"value":"Музыка","code":null},{"id":921403,"value":"Путешествия","code":null},{"id":921404,"value":"Книги","code":null}]},{"id":600215,"name":"Последний визит","code":null,"kind":"date_time","options":[]},{"id":600216,"name":"Страница","code":null,"kind":"url","options":[]},{"id":600217,"name":"Домашний адрес","code":null,"kind":"streetaddress","options":[]},{"id":600218,"name":"Адрес регистрации","code":null,"kind":"smart_address","options":[{"id":1,"value":"address_line_1","code":"address_line_1"},{"id":2,"value":"address_line_2","code":"address_line_2"},{"id":3,"value":"city","code":"city"},{"id":4,"value":"state","code":"state"},{"id":5,"value":"zip","code":"zip"},{"id":6,"value":"country","code":"country"}]},{"id":600219,"name":"Реквизиты","code":null,"kind":"legal_entity","options":[]},{"id":600220,"name":"Лимит","code":null,"kind":"monetary","options":[]},{"id":600221,"name":"Документ","code":null,"kind":"file","options":[]}]},"segments":[],"customer_statuses":[],"elements":{},"customers":null}',1795747625,'done',0,281,2,0,0,2);
INSERT INTO run VALUES(3,'20261127T024706Z-more','sandbox','c295950dc38783a74641b4367653738da00c329ffdaafd1c6ad08b8484491f0a','8c21ab896f3d92ae6b8cdc1a397ae9a5669df5455b929db9e191752d1da8fac5','{"source":{"path":"more.csv","sha256":"c295950dc38783a74641b4367653738da00c329ffdaafd1c6ad08b8484491f0a","sheet":null,"header_row":1,"format":"csv","encoding":"UTF-8","bom":false,"delimiter":",","titles":["name","price"]},"mapping":{"path":"more.toml","sha256":"8c21ab896f3d92ae6b8cdc1a397ae9a5669df5455b929db9e191752d1da8fac5"},"kind":"lead","entity":"leads","action":"create","account":"sandbox","target":"sandbox","base":"http://127.0.0.1:42069","folder":"runs/20261127T024706Z-more","batch":1,"settle":60,"verify":"none","rate":7,"rows":null,"limit":null,"again":false,"catalog":null}','{"schema":1,"base":"http://127.0.0.1:42069","pulled_at":1795747625,"basics":{"id":31000001,"name":"Ромашка","subdomain":"sandbox","country":"RU","currency":"RUB","customers_mode":"segments","current_user":500001,"timezone":"Europe/Moscow"},"pipelines":[{"id":4100001,"name":"Продажи","is_main":true,"is_archive":false,"stages":[{"id":41000001,"name":"Неразобранное","kind":1},{"id":41000003,"name":"Первичный контакт","kind":0},{"id":41000005,"name":"Переговоры","kind":0},{"id":41000007,"name":"Принимают решение","kind":0},{"id":41000009,"name":"Согласование договора","kind":0},{"id":142,"name":"Успешно реализовано","kind":0},{"id":143,"name":"Закрыто и не реализовано","kind":0}]},{"id":4100003,"name":"Опт","is_main":false,"is_archive":false,"stages":[{"id":41000101,"name":"Неразобранное","kind":1},{"id":41000103,"name":"Заявка","kind":0},{"id":41000105,"name":"Коммерческое предложение","kind":0},{"id":41000107,"name":"Счёт выставлен","kind":0},{"id":41000109,"name":"Отгрузка","kind":0},{"id":142,"name":"Успешно реализовано","kind":0},{"id":143,"name":"Закрыто и не реализовано","kind":0}]}],"users":[{"id":500001,"name":"Анна Смирнова","email":"anna@example.com","is_active":true},{"id":500003,"name":"Иван Петров","email":"ivan@example.com","is_active":true},{"id":500005,"name":"Мария Кузнецова","email":"maria@example.com","is_active":true},{"id":500007,"name":"Олег Соколов","email":"oleg@example.com","is_active":true},{"id":500009,"name":"Елена Попова","email":"elena@example.com","is_active":false}],"loss_reasons":[{"id":4200001,"name":"Дорого"},{"id":4200003,"name":"Пропала потребность"},{"id":4200005,"name":"Выбрали конкурента"},{"id":4200007,"name":"Нет бюджета"}],"catalogs":[],"fields":{"leads":[{"id":600101,"name":"Источник","code":null,"kind":"select","options":[{"id":910101,"value":"Сайт","code":null},{"id":910102,"value":"Звонок","code":null},{"id":910103,"value":"Выставка","code":null},{"id":910104,"value":"Рекомендация","code":null},{"id":910105,"value":"Реклама","code":null}]},{"id":600102,"name":"Город","code":null,"kind":"text","options":[]},{"id":600103,"name":"Номер заявки","code":"ORDER_NO","kind":"text","options":[]},{"id":600104,"name":"Комментарий","code":null,"kind":"textarea","options":[]},{"id":600105,"name":"Скидка, %","code":null,"kind":"numeric","options":[]},{"id":600106,"name":"Предоплата","code":null,"kind":"monetary","options":[]},{"id":600107,"name":"Дата отгрузки","code":null,"kind":"date","options":[]},{"id":600108,"name":"Встреча","code":null,"kind":"date_time","options":[]},{"id":600109,"name":"Срочно","code":null,"kind":"checkbox","options":[]},{"id":600110,"name":"Интересы","code":null,"kind":"multiselect","options":[{"id":911001,"value":"Обучение","code":null},{"id":911002,"value":"Поддержка","code":null},{"id":911003,"value":"Внедрение","code":null},{"id":911004,"value":"Оборудование","code":null},{"id":911005,"value":"Аренда, лизинг","code":null}]},{"id":600111,"name":"Формат","code":null,"kind":"radiobutton","options":[{"id":911101,"value":"Онлайн","code":null},{"id":911102,"value":"Офлайн","code":null}]},{"id":600112,"name":"Сайт проекта","code":null,"kind":"url","options":[]},{"id":600113,"name":"Адрес доставки","code":null,"kind":"streetaddress","options":[]},{"id":600114,"name":"Адрес объекта","code":null,"kind":"smart_address","options":[{"id":1,"value":"address_line_1","code":"address_line_1"},{"id":2,"value":"address_line_2","code":"address_line_2"},{"id":3,"value":"city","code":"city"},{"id":4,"value":"state","code":"state"},{"id":5,"value":"zip","code":"zip"},{"id":6,"value":"country","code":"country"}]},{"id":600115,"name":"День рождения","code":null,"kind":"birthday","options":[]},{"id":600116,"name":"Реквизиты","code":null,"kind":"legal_entity","options":[]},{"id":600117,"name":"Документ","code":null,"kind":"file","options":[]},{"id":600118,"name":"Категория товара","code":null,"kind":"chained_list","options":[],"chain":[1005]},{"id":600119,"name":"utm_source","code":"UTM_SOURCE","kind":"tracking_data","options":[]},{"id":600120,"name":"utm_medium","code":"UTM_MEDIUM","kind":"tracking_data","options":[]},{"id":600121,"name":"utm_campaign","code":"UTM_CAMPAIGN","kind":"tracking_data","options":[]}]},"segments":[],"customer_statuses":[],"elements":{},"customers":null}',1795747626,'stopped-by-service',4,444,3,0,0,3);
INSERT INTO run VALUES(4,'20261127T024707Z-customers','sandbox','3375075fddc59f6a72391ca30c1d5282d6ed76496ebc9914026a30bdf2b61af0','f384c148028c004e1fa567e6f910bb139a278af81c192df7c1106b9ac9a20072','{"source":{"path":"customers.csv","sha256":"3375075fddc59f6a72391ca30c1d5282d6ed76496ebc9914026a30bdf2b61af0","sheet":null,"header_row":1,"format":"csv","encoding":"UTF-8","bom":false,"delimiter":",","titles":["code","name","contact"]},"mapping":{"path":"customers.toml","sha256":"f384c148028c004e1fa567e6f910bb139a278af81c192df7c1106b9ac9a20072"},"kind":"customer","entity":"customers","action":"create","account":"sandbox","target":"sandbox","base":"http://127.0.0.1:44797","folder":"runs/20261127T024707Z-customers","batch":null,"settle":60,"verify":"none","rate":7,"rows":null,"limit":null,"again":false,"catalog":null}','{"schema":1,"base":"http://127.0.0.1:44797","pulled_at":1795747627,"basics":{"id":31000001,"name":"Ромашка","subdomain":"sandbox","country":"RU","currency":"RUB","customers_mode":"segments","current_user":500001,"timezone":"Europe/Moscow"},"pipelines":[{"id":4100001,"name":"Продажи","is_main":true,"is_archive":false,"stages":[{"id":41000001,"name":"Неразобранное","kind":1},{"id":41000003,"name":"Первичный контакт","kind":0},{"id":41000005,"name":"Переговоры","kind":0},{"id":41000007,"name":"Принимают решение","kind":0},{"id":41000009,"name":"Согласование договора","kind":0},{"id":142,"name":"Успешно реализовано","kind":0},{"id":143,"name":"Закрыто и не реализовано","kind":0}]},{"id":4100003,"name":"Опт","is_main":false,"is_archive":false,"stages":[{"id":41000101,"name":"Неразобранное","kind":1},{"id":41000103,"name":"Заявка","kind":0},{"id":41000105,"name":"Коммерческое предложение","kind":0},{"id":41000107,"name":"Счёт выставлен","kind":0},{"id":41000109,"name":"Отгрузка","kind":0},{"id":142,"name":"Успешно реализовано","kind":0},{"id":143,"name":"Закрыто и не реализовано","kind":0}]}],"users":[{"id":500001,"name":"Анна Смирнова","email":"anna@example.com","is_active":true},{"id":500003,"name":"Иван Петров","email":"ivan@example.com","is_active":true},{"id":500005,"name":"Мария Кузнецова","email":"maria@example.com","is_active":true},{"id":500007,"name":"Олег Соколов","email":"oleg@example.com","is_active":true},{"id":500009,"name":"Елена Попова","email":"elena@example.com","is_active":false}],"loss_reasons":[{"id":4200001,"name":"Дорого"},{"id":4200003,"name":"Пропала потребность"},{"id":4200005,"name":"Выбрали конкурента"},{"id":4200007,"name":"Нет бюджета"}],"catalogs":[],"fields":{"customers":[{"id":600401,"name":"Код клиента","code":null,"kind":"text","options":[]},{"id":600402,"name":"Комментарий","code":null,"kind":"textarea","options":[]},{"id":600403,"name":"Карта","code":null,"kind":"numeric","options":[]},{"id":600404,"name":"Баланс","code":null,"kind":"monetary","options":[]},{"id":600405,"name":"Участник с","code":null,"kind":"date","options":[]},{"id":600406,"name":"Последняя покупка","code":null,"kind":"date_time","options":[]},{"id":600407,"name":"Согласие на рассылку","code":null,"kind":"checkbox","options":[]},{"id":600408,"name":"Уровень","code":null,"kind":"select","options":[{"id":940801,"value":"Бронза","code":null},{"id":940802,"value":"Серебро","code":null},{"id":940803,"value":"Золото","code":null}]},{"id":600409,"name":"Канал","code":null,"kind":"radiobutton","options":[{"id":940901,"value":"Магазин","code":null},{"id":940902,"value":"Сайт","code":null}]},{"id":600410,"name":"Интересы","code":null,"kind":"multiselect","options":[{"id":941001,"value":"Обучение","code":null},{"id":941002,"value":"Поддержка","code":null},{"id":941003,"value":"Внедрение","code":null},{"id":941004,"value":"Оборудование","code":null}]},{"id":600411,"name":"Сайт","code":null,"kind":"url","options":[]},{"id":600412,"name":"Адрес доставки","code":null,"kind":"streetaddress","options":[]},{"id":600413,"name":"Документ","code":null,"kind":"file","options":[]},{"id":600414,"name":"Категория товара","code":null,"kind":"chained_list","options":[],"chain":[1005]}]},"segments":[],"customer_statuses":[],"elements":{},"customers":null}',1795747627,'stopped-by-service',4,445,3,0,0,2);
CREATE TABLE batch (
  run INTEGER NOT NULL REFERENCES run,
  batch INTEGER NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  rows BLOB NOT NULL,
  sent_at_ms INTEGER NOT NULL,
  watermark INTEGER NOT NULL,
  http_status INTEGER,
  owner INTEGER,
  PRIMARY KEY (run, batch)
) WITHOUT ROWID;
INSERT INTO batch VALUES(1,1,'settled',1,X'0200000005000000',1795747624445,0,200,NULL);
INSERT INTO batch VALUES(2,1,'settled',1,X'0200000003000000',1795747625460,0,200,NULL);
INSERT INTO batch VALUES(3,1,'settled',1,X'02000000',1795747626629,10000003,200,NULL);
INSERT INTO batch VALUES(3,2,'planned',1,X'03000000',1795747626935,10000005,NULL,NULL);
INSERT INTO batch VALUES(3,3,'planned',1,X'04000000',1795747626770,10000003,403,NULL);
INSERT INTO batch VALUES(4,1,'settled',1,X'0200000003000000',1795747627968,0,200,NULL);
CREATE TABLE record (
  run INTEGER NOT NULL REFERENCES run,
  row INTEGER NOT NULL,
  status INTEGER NOT NULL,
  key TEXT,
  id INTEGER,
  contact_id INTEGER,
  company_id INTEGER,
  http_status INTEGER,
  batch INTEGER,
  attempts INTEGER NOT NULL,
  cells TEXT,
  more BLOB,
  url TEXT,
  PRIMARY KEY (run, row)
) WITHOUT ROWID;
INSERT INTO record VALUES(1,2,1,'1',10000001,NULL,NULL,200,1,1,NULL,NULL,NULL);
INSERT INTO record VALUES(1,3,6,'2',NULL,NULL,NULL,NULL,NULL,0,'["2","Вторая","много","Первичный контакт"]',NULL,NULL);
INSERT INTO record VALUES(1,4,6,'3',NULL,NULL,NULL,NULL,NULL,0,'["3","Третья","300","Нет такого этапа"]',NULL,NULL);
INSERT INTO record VALUES(1,5,1,'4',10000003,NULL,NULL,200,1,1,NULL,NULL,NULL);
INSERT INTO record VALUES(2,2,1,'K1',20000001,NULL,NULL,200,1,1,NULL,NULL,NULL);
INSERT INTO record VALUES(2,3,1,'K2',20000003,NULL,NULL,200,1,1,NULL,NULL,NULL);
INSERT INTO record VALUES(3,2,1,NULL,10000005,NULL,NULL,200,1,1,NULL,NULL,NULL);
INSERT INTO record VALUES(3,3,8,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL);
INSERT INTO record VALUES(3,4,8,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL);
INSERT INTO record VALUES(4,2,1,'1',1000001,NULL,NULL,200,1,1,NULL,NULL,NULL);
INSERT INTO record VALUES(4,3,1,'2',1000003,NULL,NULL,200,1,1,NULL,NULL,NULL);
CREATE TABLE problem (
  run INTEGER NOT NULL REFERENCES run,
  row INTEGER NOT NULL,
  n INTEGER NOT NULL,
  stage TEXT NOT NULL,
  code TEXT NOT NULL,
  title TEXT,
  cell TEXT,
  value TEXT,
  message TEXT NOT NULL,
  hint TEXT,
  PRIMARY KEY (run, row, n)
) WITHOUT ROWID;
INSERT INTO problem VALUES(1,3,0,'map','money','Бюджет','C3','много','"много" is not an amount of money','amounts look like 1234.56, 1 234,56 ₽ or $1,234.56');
INSERT INTO problem VALUES(1,4,0,'map','unknown-name','Этап','D4','Нет такого этапа','"Нет такого этапа" is no stage of the pipeline "Продажи"','its stages are: Первичный контакт, Переговоры, Принимают решение, Согласование договора, Успешно реализовано, Закрыто и не реализовано');
CREATE TABLE edit (
  run INTEGER NOT NULL REFERENCES run,
  row INTEGER NOT NULL,
  what TEXT NOT NULL,
  PRIMARY KEY (run, row)
) WITHOUT ROWID;
CREATE TABLE returned (
  export TEXT NOT NULL,
  id INTEGER NOT NULL,
  sheet INTEGER,
  account INTEGER,
  PRIMARY KEY (export, id)
) WITHOUT ROWID;
CREATE TABLE link (
  run INTEGER NOT NULL REFERENCES run,
  row INTEGER NOT NULL,
  made INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  PRIMARY KEY (run, row)
) WITHOUT ROWID;
CREATE TABLE ledger (
  account TEXT NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  id INTEGER,
  run INTEGER NOT NULL REFERENCES run,
  batch INTEGER,
  PRIMARY KEY (account, kind, key)
) WITHOUT ROWID;
INSERT INTO ledger VALUES('sandbox','contact','K1',20000001,2,NULL);
INSERT INTO ledger VALUES('sandbox','contact','K2',20000003,2,NULL);
INSERT INTO ledger VALUES('sandbox','customer','1',1000001,4,NULL);
INSERT INTO ledger VALUES('sandbox','customer','2',1000003,4,NULL);
INSERT INTO ledger VALUES('sandbox','lead','1',10000001,1,NULL);
INSERT INTO ledger VALUES('sandbox','lead','4',10000003,1,NULL);
CREATE TABLE export (
  account TEXT NOT NULL,
  what TEXT NOT NULL,
  began_at INTEGER NOT NULL,
  PRIMARY KEY (account, what)
) WITHOUT ROWID;
CREATE INDEX run_source ON run (account, source_sha, mapping_sha);
CREATE INDEX ledger_open ON ledger (run, batch) WHERE id IS NULL;
COMMIT;
PRAGMA user_version = 4;
