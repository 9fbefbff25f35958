//! Words of the languages in Latin script (and Greek), as they occur in tables: the models of `language_model` are
//! counted from them. ASCII words are included, since neighbours identify a letter as well.

use super::language::Language;

pub const LANGUAGES: [Language; 23] = [
    Language {
        short: "it s don t i m he she we you re they ll ve d isn won can didn doesn that what let there",
        words: ENGLISH,
    },
    Language { short: "stück größe straße für über und", words: GERMAN },
    Language { short: "à où là dès été né n° pièce unité mètre d l s n j qu c", words: FRENCH },
    Language { short: "él sí más qué tú mí té año años día días", words: SPANISH },
    Language { short: "é à às há não são só já até pé mês dê", words: PORTUGUESE },
    Language { short: "è é à più già può città sì là né quantità", words: ITALIAN },
    Language { short: "és a més què així però també", words: CATALAN },
    Language { short: "één ideeën", words: DUTCH },
    Language { short: "å ö är på så får två då från även", words: SWEDISH },
    Language { short: "å ø på så når også få år død", words: DANISH },
    Language { short: "hän tämä sää työ yö mitä ei että myös", words: FINNISH },
    Language { short: "öö üks või ära jõe küla mõõt tükk", words: ESTONIAN },
    Language { short: "á í og að það þú ég við frá", words: ICELANDIC },
    Language { short: "są się że już być też będą zł szt dół łódź żar", words: POLISH },
    Language { short: "kč až že už při není též můj dům kůň ks", words: CZECH },
    Language { short: "až že už pri nie tiež môj kôň dĺžka ľan ks", words: SLOVAK },
    Language { short: "és ő új nő fő hű öt út bő víz fűtés db", words: HUNGARIAN },
    Language { short: "în și şi să la după câte buc", words: ROMANIAN },
    Language { short: "što će već čaj žut šal kom još", words: CROATIAN },
    Language { short: "ve için çok iş ağ dağ şu üç kış adet düğün ışık", words: TURKISH },
    Language { short: "vnt aš iš už būti šių tūkst", words: LITHUANIAN },
    Language { short: "gab kā tā jūs mēs šī būt līdz", words: LATVIAN },
    Language { short: "και το τα με για από τεμ ή", words: GREEK },
];

const ENGLISH: &str = "
    name city phone email address company status stage note source price quantity item code description title manager
    client supplier contract invoice payment delivery warehouse sales service contact group category unit box meter liter
    café résumé naïve façade fiancé cliché déjà vu entrée soufflé crème brûlée jalapeño piñata doppelgänger über zoë chloë
    rené andré beyoncé brontë noël renée andrés jürgen müller garcía núñez são paulo zürich köln québec montréal málaga";

const GERMAN: &str = "
    name straße größe menge preis stück gerät kühlschrank müller schröder köhler jäger böhm grün weiß groß klein löffel
    schüssel tür schlüssel gebäude verkäufer käufer geschäftsführer büro münchen köln düsseldorf nürnberg würzburg zürich
    lübeck göttingen saarbrücken österreich fürth mönchengladbach münster gießen tübingen jürgen günther björn jörg sören
    käthe änne bärbel ursula wolfgang heinrich friedrich karl schmidt schneider fischer weber wagner becker schulz hoffmann
    krüger schäfer bauer koch richter wolf schwarz zimmermann braun hartmann lange krause werner lehmann maier könig huber
    für über prüfung lieferung änderung überweisung öffnung fällig zahlung möglich nächste später früh höhe länge breite
    schließen außen innen süß käse brötchen äpfel öl würfel nüsse gemüse getränke kräuter möbel stühle schränke küche
    schön häufig täglich jährlich persönlich natürlich wöchentlich zuständig gültig übrig ungefähr während können müssen
    würde hätte wäre führen hören gehören zurück glück stück brücke lücke mädchen männer frauen söhne töchter brüder
    förderung trägerorganisationen überwiegend behörde universität fakultät qualität mobilität verfügbar grüße danke";

const FRENCH: &str = "
    nom prénom société adresse téléphone courriel ville département région pays numéro référence désignation quantité unité
    prix montant payé créé modifié étape priorité catégorie délai livraison règlement échéance crédit débit préféré
    françois françoise andré rené renée hélène hervé jérôme gérard céline cécile stéphane stéphanie sébastien frédéric
    béatrice thérèse zoé chloé léa théo noémie aurélie amélie mélanie valérie éric étienne élodie émilie joël noël gaël
    benoît anaïs loïc maël lefèvre lemaître béranger séguin dupré carré pelé légaré côté prévost frère père mère bâtiment
    besançon orléans nîmes béziers évry créteil saint étienne angoulême châteauroux mâcon chambéry sète alençon fréjus
    île hôtel hôpital forêt fenêtre tête fête bête crêpe gâteau château pâte pâtisserie théâtre âge être même après très
    près dès à là où ça déjà été voilà façon leçon garçon reçu français française chèque pièce manière première dernière
    rivière lumière matière bière café thé crème légume œuf bœuf sœur cœur œuvre maïs naïf sûr mûr août goût coût brûlé
    général spécial régulier défaut détail développement représentant secrétaire ingénieur médecin mécanicien électricien
    réunion décision sélection création protégé désolé intéressé répondre envoyé reçue relancé annulée terminée";

const SPANISH: &str = "
    nombre apellido empresa dirección teléfono correo ciudad país código descripción cantidad unidad precio número pedido
    atención información administración gestión producción organización comunicación educación construcción instalación
    garcía martínez lópez sánchez pérez gómez martín jiménez hernández díaz álvarez muñoz gutiérrez domínguez vázquez ramírez
    núñez ibáñez suárez méndez rodríguez fernández gonzález peña cañas ordóñez marín león durán rincón calderón beltrán
    josé maría jesús ángel andrés ramón raúl rubén adrián sebastián joaquín martín álvaro óscar iván lucía sofía rocío
    inés mónica verónica bárbara concepción asunción begoña íñigo nicolás tomás matías málaga córdoba cádiz jaén león
    ávila cáceres almería castellón logroño gijón avilés méxico bogotá medellín perú panamá asunción cúcuta mérida cancún
    españa español niño niña señor señora año mañana montaña compañía diseño tamaño pequeño baño cañería leña piña caña
    política público teléfonos médico técnico electrónica máquina fábrica almacén jabón azúcar plátano limón melón jamón
    salmón atún café té maíz está están será también además después través según ningún algún aquí allí así mío día
    categoría energía compañías tecnología dónde cuándo cómo qué quién cuál pingüino vergüenza bilingüe sí último útil";

const PORTUGUESE: &str = "
    nome empresa endereço telefone cidade país código descrição quantidade unidade preço número pedido situação observação
    informação administração gestão produção organização comunicação educação construção instalação negociação atenção
    joão josé antônio antónio sebastião simão conceição assunção márcia mônica cláudia patrícia letícia vitória júlia
    andré rené césar luís inês tânia fábio sérgio rogério flávio cássio vinícius mário lúcia sônia ângela fátima débora
    gonçalves magalhães guimarães simões araújo falcão brandão leão galvão aragão conceição mendonça lourenço frança
    são paulo goiânia brasília belém maceió cuiabá são luís florianópolis vitória niterói jundiaí ribeirão preto uberlândia
    maringá joão pessoa taubaté são josé guarujá itajaí criciúma évora setúbal bragança lisboa português portuguesa
    não então são estão será também além através até após três você vocês pão mão irmão irmã maçã manhã amanhã lã avó avô
    açúcar limão feijão mamão melão pêssego café chá água óleo sabão caixão portão coração razão opção função sessão
    relação ação reação padrão cartão balcão avião caminhão público técnico médico elétrico eletrônico máquina fábrica
    armazém serviço espaço avaliação reunião decisão questão região união milhões botões cartões ações opções condições
    pães cães mães põe âmbito ânimo câmbio lâmpada tênis gênero ciência agência experiência frequência referência júri";

const ITALIAN: &str = "
    nome cognome città indirizzo telefono azienda società quantità unità attività qualità proprietà responsabilità perché
    poiché così però può più già giù lunedì martedì mercoledì giovedì venerdì è caffè tè tiramisù papà metà verità libertà
    università possibilità disponibilità novità pubblicità specialità nicolò niccolò forlì cefalù cantù mondovì sarà farà
    dovrà potrà andrò né sé là lì sì ventitré giovanni giuseppe francesco russo ferrari esposito bianchi colombo ricci
    fornitore cliente fattura pagamento consegna magazzino vendite prezzo codice descrizione categoria fase fonte nota";

const CATALAN: &str = "
    nom cognoms adreça telèfon ciutat província empresa descripció quantitat unitat preu número comanda informació gestió
    núria montserrat jordi josep àngel òscar martí pàmies puigdemont català catalunya barcelona lleida sabadell mataró
    vilafranca penedès sant cugat vallès manresa també però això així més què perquè àrea plaça carrer avinguda façana
    cafè sucre llet pa vi aigua préssec pinya maó peça mà demà avui dimarts dijous número més després aquí allà col·legi";

const DUTCH: &str = "
    naam bedrijf adres telefoon plaats straat postcode hoeveelheid prijs omschrijving bestelling levering factuur klant
    leverancier verkoop magazijn één financiële coördinator coördinatie geïnteresseerd geïnstalleerd beëindigd ideeën zeeën
    knieën patiënt cliënt cliënten efficiënt ingrediënt italië spanje belgië australië azië zoë daniël michaël joël rené
    andré andré hélène crème café privé coupé geënt reünie vacuüm poëzie conciërge reëel officiële industriële variërend";

const SWEDISH: &str = "
    namn företag adress telefon stad län beställning försäljning säljare köpare leverantör avtal betalning lager tjänst
    åsa örjan åke björn göran sören mårten håkan jörgen märta östen pär lövgren öberg åberg sjöberg lindström bergström
    nyström sandström söderberg hägg björk åkesson östlund malmö göteborg örebro västerås jönköping norrköping linköping
    borås växjö gävle umeå luleå östersund skövde örnsköldsvik härnösand för över från någon något många också även först
    större mindre högre lägre gör går får står måste kött smör bröd öl mjölk ägg kärlek vän hälsning måndag lördag söndag
    åtgärd ändring öppen stängd avslutad kontor gård väg gränd torg trä stål rör skruv färg låda påse";

const DANISH: &str = "
    navn firma adresse telefon by køber sælger leverandør aftale betaling lager ydelse pris antal beskrivelse bestilling
    søren jørgen bjørn børge åge jeppe kåre øystein håkon pål gøran østergård nørgaard sørensen jørgensen kjær skovgård
    møller østby ødegård brønn sæther næss lie bø strøm århus ålborg københavn helsingør køge næstved sønderborg tønder
    hjørring rønne tromsø bodø ålesund lillestrøm bærum trøndelag sør nord øst for på så også når får går står måske
    større mindre højre lavere første anden grøn rød blå gæld køkken mælk brød smør øl æg kød fløde æble pære kærlighed
    haugen bråten bakken dalen lien ådalen høyden vågen strøm åsen rønning synnøve torbjørn asbjørn håkon øyvind mettebø
    kjøkken sønner søn ødegaard nygård gård sætre bjørk hælde mandag lørdag søndag tørre dør rør træ stål værktøj måned år dag gård vej gade tjenesteydelse ændring åben lukket";

const FINNISH: &str = "
    nimi yritys osoite puhelin sähköposti kaupunki määrä hinta yksikkö kuvaus tilaus myyjä ostaja toimittaja sopimus lasku
    päivä päivämäärä lähde vaihe henkilö käsittelijä myynti ääni äiti isä poika tyttö mäkinen hämäläinen mäkelä järvinen
    jämsä pälkäne jyväskylä hämeenlinna seinäjoki riihimäki lähti räisänen väisänen härkönen pöyry köykkä hyvä hyvää
    pyöreä vihreä sininen keltainen pöytä tuoli ikkuna ovi työ työkalu öljy leipä jäätelö kylmä lämmin lämpö sää yö tämä
    hän mitä missä tässä siellä täällä näin myös että eikä älä käyttö käyttäjä hyväksytty hylätty käynnissä väärä matti";

const ESTONIAN: &str = "
    nimi ettevõte aadress telefon linn maakond kogus hind ühik kirjeldus tellimus müüja ostja tarnija leping arve kuupäev
    õunapuu mägi tamm kõiv pärn jõgi jõe järv põld rääk käo mõõt mõõtühik malõšev nadežda gontšarov štšerbakov ševtšenko žurnaal šokolaad garaaž põder nõmm nõmmik lõhmus käär männik
    salumäe rätsep kõrv mürk püvi sõna võti võib või õpetaja õli või küla pood
    tõnu jüri märt ülle õie külli kärt säde põlva võru jõgeva pärnu väike suur kõrge üks kaks nädal esmaspäev pühapäev
    töö öö päev täna tüüp süsteem müük tähtaeg tükk köök väärtus läbi mööbel järgmine kõik kõne sõnum täpsustus õige";

const ICELANDIC: &str = "
    nafn fyrirtæki heimilisfang sími netfang borg staða verð magn eining lýsing pöntun birgir samningur greiðsla þjónusta
    jón sigurður guðmundur guðrún kristín þórður þórunn bjarni árni ólafur ása ásdís íris úlfur örn ægir þór ragnheiður
    björk sigríður hólmfríður jónsson guðmundsdóttir sigurðsson þorsteinsson jónsdóttir ólafsdóttir reykjavík kópavogur
    hafnarfjörður ísafjörður akureyri húsavík höfn það þetta þegar þú við með fyrir eða einnig líka mjög góður gott nýr
    gamall stór lítill rauður blár grænn hvítur svartur mjólk brauð ostur fiskur kaffi sími vika mánudagur ár mánuður";

const POLISH: &str = "
    imię nazwisko nazwa firma spółka ograniczoną odpowiedzialnością adres ulica miasto województwo telefon ilość cena
    wartość jednostka sztuka opis zamówienie sprzedaż sprzedawca dostawca umowa płatność dostawa usługa źródło etap uwagi
    łukasz michał paweł grażyna małgorzata stanisław władysław wiesław bogusław mirosław jarosław sławomir zdzisław żaneta
    agnieszka elżbieta bożena józef józefa grzegorz krzysztof święcicki wiśniewski wiśniewska dąbrowski dąbrowska zieliński
    zielińska kozłowski jabłoński wójcik woźniak kwiecień pająk król wróbel wójtowicz sokołowska górski żak łuczak śliwa
    źrebiec ćwikła brzęczyszczykiewicz kaczyński mazur piątek gołąb łódź kraków gdańsk poznań wrocław białystok częstochowa
    toruń rzeszów gdynia zamość tarnów elbląg płock wałbrzych słupsk jastrzębie suwałki przemyśl kołobrzeg bełchatów świdnica
    się są być będzie już też także że żeby który która które przez między więc bardzo dzień miesiąc rok tydzień początek
    styczeń kwiecień sierpień wrzesień październik grudzień poniedziałek środa piątek niedziela mąż żona córka syn dziecko
    duży mały żółty biały niebieski czerwony różowy chleb masło mąka ryż jabłko cebula pomidor śmietana żurek pieróg łosoś
    gęś wędlina łyżka szkło drzwi śruba nakrętka gwóźdź łożysko żarówka książka zeszyt ołówek długopis rozwiązanie wysłać
    przyjęto odrzucono zadzwonić później prośba oferta ostrożnie źle dłużej najniższy obsługa świat kolejność właściciel";

const CZECH: &str = "
    jméno příjmení název firma společnost ručením omezeným adresa ulice město kraj telefon množství cena částka jednotka
    kus popis objednávka prodej prodejce dodavatel smlouva platba dodání služba zdroj fáze poznámka odpovědný účet účetní
    jiří tomáš lukáš ondřej matěj vojtěch štěpán řehoř zdeněk bořivoj kateřina kristýna věra zdeňka růžena božena žaneta
    dvořák novák svoboda novotný černý procházka kučera veselý horák němec pokorný marek pospíšil hájek král jelínek růžička
    beneš fiala sedláček doležal zeman kolář krejčí navrátil čermák vaněk urban blažek kříž šimek říha ševčík žák ďurica
    praha brno ostrava plzeň české budějovice hradec králové ústí nad labem pardubice zlín havířov kladno děčín třebíč
    třinec žďár šumperk břeclav příbram chomutov kutná hora jihlava uherské hradiště přerov mladá boleslav frýdek místek
    který která které než ještě také může musí být bylo je není při před přes během však proto když protože dům dveře okno
    žárovka šroub šestihranný matice ložisko hřebík barva kůže dřevo sklo stůl židle skříň ručně příští měsíc týden den
    pondělí úterý středa čtvrtek pátek neděle říjen září květen červen únor březen listopad chléb máslo mléko sýr rýže
    jablko hruška víno pivo káva čaj kuře hovězí vepřové řízek křen děkuji prosím dobrý večer řešení přijato vyřízeno zrušeno";

const SLOVAK: &str = "
    meno priezvisko názov spoločnosť ručením obmedzeným adresa ulica mesto kraj telefón množstvo cena čiastka jednotka kus
    popis objednávka predaj predajca dodávateľ zmluva platba dodanie služba zdroj fáza poznámka zodpovedný účet účtovník
    ján jozef štefan ľubomír ľudovít tomáš lukáš matúš ondrej šimon žofia zuzana mária katarína ľubica dušan vladimír
    kováč horváth varga tóth nagy baláž molnár balog lukáč novák polák kollár hudák krajčí žiak ďurica šťastný bartoš
    bratislava košice prešov žilina banská bystrica nitra trnava martin trenčín poprad prievidza zvolen považská dolný
    kubín spišská nová ves liptovský mikuláš topoľčany čadca rimavská sobota dunajská streda ružomberok ktorý ktorá ktoré
    než ešte tiež môže musí byť bolo nie pri pred cez počas však preto keď pretože dom dvere okno žiarovka skrutka ložisko
    koža drevo sklo stôl stolička skriňa budúci mesiac týždeň deň pondelok utorok streda štvrtok piatok nedeľa október
    máj jún júl február chlieb maslo mlieko syr ryža jablko hruška víno pivo káva čaj kôň vôňa dĺžka hĺbka stĺp vŕba
    ďakujem prosím dobrý večer riešenie prijaté vybavené zrušené veľký väčší malý žltý biely čierny červený ľahký tvrdý";

const HUNGARIAN: &str = "
    név cégnév cím város utca megye telefon mennyiség egységár összeg egység darab leírás rendelés értékesítés eladó vevő
    szállító szerződés fizetés szállítás szolgáltatás forrás szakasz megjegyzés felelős könyvelő ügyvezető igazgató ügyfél
    istván lászló józsef jános zoltán sándor gábor ferenc attila péter tamás zsolt tibor andrás csaba imre lajos györgy
    balázs gyula mihály károly róbert béla dániel dezső ernő győző jenő gergő mária erzsébet katalin éva ilona zsuzsanna
    margit ágnes judit krisztina gabriella mónika kovács szabó tóth horváth varga kiss molnár németh farkas balogh lakatos
    papp juhász takács mészáros simon rácz fekete szűcs gál kőszegi erdős csűrös fűzfa bükk gőz őri vörös kőműves gerő
    budapest debrecen szeged miskolc pécs győr nyíregyháza kecskemét székesfehérvár szombathely érd tatabánya sopron
    békéscsaba zalaegerszeg eger hódmezővásárhely gödöllő kőszeg cegléd vác pápa gyöngyös mezőkövesd fűzfő csepel erdőd
    hogy nem egy ezt meg csak már még vagy mint lesz volt lehet kell több először később előtt után között közül időpont
    hétfő kedd szerda csütörtök péntek vasárnap április május június július augusztus október november december jövő hét
    hűtő fűtő mosógép szekrény szék asztal ajtó ablak csavar anya csapágy kő fűrész festék üveg bőr gyümölcs szőlő körte
    alma kenyér tej vaj sajt tojás rizs cukor só víz sör bor kávé tea tűz fű fűszer gyűrű nő nők főnök erő jövő mezőgazdasági
    köszönöm kérem üdvözlet egyesület működik elérhető lezárva törölve ajánlat küldve elfogadva elutasítva kérdés válasz";

const ROMANIAN: &str = "
    nume prenume denumire firmă societate adresă stradă oraş județ judeţ telefon cantitate preţ preț sumă unitate bucată
    descriere comandă vânzare vânzări vânzător furnizor contract plată livrare serviciu sursă etapă notiţă responsabil
    ştefan ștefan ioniţă gheorghiţă mihăiţă răzvan cătălin cătălina călin mădălina anişoara bogdan raluca viorica costică
    popescu ionescu dumitrescu bălan bălăceanu crăciun rădulescu păun țurcanu şerban mîndru vîlcu stănescu drăgulescu
    bucureşti braşov iaşi timişoara cluj constanţa ploieşti brăila galaţi bacău piteşti târgovişte bistriţa suceava
    bistrița timișoara galați râmnicu vâlcea târgu mureş botoşani reşiţa satu mare și să dacă după până când fără către
    această această între decât unde ţară țară pâine lapte brânză ouă măr pară zahăr sare făină apă cafea bere vin roşu
    roșu galben verde alb negru uşă fereastră şurub piuliţă scândură masă scaun dulap bărbat femeie fată băiat săptămână
    lună zi marţi sâmbătă duminică întâlnire mâine dimineaţă mulţumesc vă rog ofertă trimisă respinsă acceptată finalizată";

const CROATIAN: &str = "
    ime prezime naziv tvrtka društvo ograničenom odgovornošću adresa ulica grad županija telefon količina cijena iznos
    jedinica komad opis narudžba prodaja prodavač dobavljač ugovor plaćanje isporuka usluga izvor faza bilješka odgovoran
    horvat kovačević babić marić jurić novak kovačić knežević vuković marković petrović matić tomić pavlović kovač božić
    blažević grgić pavić radić perić filipović šarić lovrić vidović perković popović bošnjak jukić barišić đurić hodžić
    jovanović nikolić đorđević stojanović ilić milošević žižek krajnc župančič hribar kralj zupančič golob božič čeh
    željko đuro đorđe šime matija tomislav krešimir zvonimir mišo saša nataša vesna snježana željka anđela ružica jožef
    zagreb split rijeka osijek zadar šibenik požega čakovec sisak đakovo križevci našice varaždin beograd niš čačak šabac
    užice novi sad ljubljana maribor koper škofja loka žalec ptuj celje koji koja koje kao ili još već samo više može
    trebaće biće što će bit ćemo želi hvala molim kuća vrata prozor žarulja vijak čelik drvo staklo stol stolica ormar
    šećer sol brašno ulje mlijeko kruh sir jaje jabuka kruška voda čaj piće pivo vino meso riža češnjak ponuda poslano
    odbijeno uspješno pregovori rješenje zatvoreno ponedjeljak četvrtak subota nedjelja siječanj veljača ožujak travanj
    svibanj lipanj srpanj kolovoz rujan listopad studeni prosinac sljedeći tjedan mjesec žena muž dječak djevojčica";

const TURKISH: &str = "
    adı soyadı isim şirket firma adres sokak cadde mahalle şehir il ilçe telefon miktar fiyat tutar birim adet açıklama
    sipariş satış satıcı alıcı tedarikçi sözleşme ödeme teslimat hizmet kaynak aşama not sorumlu müşteri müdür muhasebe
    mehmet ahmet mustafa ali hüseyin hasan ibrahim ismail osman yusuf murat ömer ramazan halil süleyman şükrü çağrı uğur
    oğuz doğan barış işıl ışıl ayşe fatma emine hatice zeynep elif özlem gülşen şerife sıla çiğdem gökçe ümit özgür
    yılmaz kaya demir şahin çelik yıldız yıldırım öztürk aydın özdemir arslan doğan kılıç aslan çetin kara koç kurt özkan
    şimşek güneş tekin erdoğan güler bulut avcı türk güngör yalçın ağaoğlu çağlar ığdır işçi kuşçu demirtaş aktaş
    istanbul ankara izmir bursa adana gaziantep konya antalya kayseri mersin eskişehir diyarbakır samsun denizli şanlıurfa
    adapazarı malatya kahramanmaraş erzurum van batman elazığ sivas balıkesir tarsus kütahya trabzon çorum çorlu muğla
    isparta ığdır uşak aydın tekirdağ çanakkale kırıkkale beşiktaş kadıköy üsküdar şişli beyoğlu bakırköy bağcılar
    için gibi daha çok en değil olarak bir bu şu ile veya ama ancak nasıl neden hangi büyük küçük yeni eski kırmızı beyaz
    siyah yeşil mavi sarı kapı pencere vida somun boya ağaç cam masa sandalye dolap ekmek süt peynir yağ şeker tuz un
    yumurta elma armut su çay kahve bira şarap pazartesi salı çarşamba perşembe cuma ocak şubat mayıs ağustos eylül kasım
    aralık teşekkürler lütfen merhaba günaydın iyi akşamlar görüşme gönderildi reddedildi kabul edildi başarılı değişiklik";

const LITHUANIAN: &str = "
    pavadinimas vardas pavardė įmonė adresas gatvė miestas telefonas kiekis kaina suma vienetas aprašymas užsakymas
    pardavėjas pirkėjas tiekėjas sutartis mokėjimas pristatymas paslauga šaltinis etapas pastaba atsakingas žmogus
    jonas petras antanas vytautas šarūnas žygimantas rūta eglė rasa jūratė živilė birutė kęstutis mindaugas algirdas
    kazlauskas jankauskas petrauskas žukauskas šimkus čepaitis vaičiūnas paulauskienė kazlauskaitė žemaitis grybauskaitė
    vilnius kaunas klaipėda šiauliai panevėžys alytus marijampolė mažeikiai jonava utena kėdainiai telšiai tauragė
    yra kad iš už prie arba tačiau būti labai daugiau mažiau šis ši tie didelis mažas žalias geltonas mėlynas durys
    duona pienas sūris kiaušinis obuolys vanduo alus vynas ačiū prašau laba diena pirmadienis šeštadienis sekmadienis";

const LATVIAN: &str = "
    nosaukums vārds uzvārds uzņēmums adrese iela pilsēta tālrunis daudzums cena summa vienība apraksts pasūtījums pārdevējs
    pircējs piegādātājs līgums maksājums piegāde pakalpojums avots posms piezīme atbildīgais persona klients jānis pēteris
    andris juris ķirsons mārtiņš kristīne līga ilze inese zane bērziņš kalniņš ozoliņš jansons ozols liepiņš krūmiņš
    balodis eglītis zariņš pētersons vītols kļaviņš kārkliņš rīga daugavpils liepāja jelgava jūrmala ventspils rēzekne
    valmiera ogre cēsis kuldīga tukums ir kā arī vai pēc pie par bet būt ļoti vairāk mazāk šis šī liels mazs zaļš zils
    dzeltens durvis logs maize piens siers ola ābols ūdens alus vīns paldies lūdzu labdien pirmdiena sestdiena svētdiena";

const GREEK: &str = "
    όνομα επώνυμο επωνυμία εταιρεία διεύθυνση οδός πόλη νομός τηλέφωνο ποσότητα τιμή ποσό μονάδα περιγραφή παραγγελία
    πωλήσεις πωλητής αγοραστής προμηθευτής σύμβαση πληρωμή παράδοση υπηρεσία πηγή στάδιο σημείωση υπεύθυνος πελάτης
    γιώργος γεώργιος ιωάννης γιάννης κωνσταντίνος δημήτρης δημήτριος νίκος νικόλαος παναγιώτης βασίλης χρήστος αθανάσιος
    μιχάλης ευάγγελος σπύρος αντώνης αναστάσιος μαρία ελένη αικατερίνη βασιλική σοφία αγγελική γεωργία δήμητρα κωνσταντίνα
    παπαδόπουλος παπαδοπούλου οικονόμου παπανικολάου γεωργίου δημητρίου νικολάου ιωάννου χατζής αγγελόπουλος κωνσταντίνου
    αθήνα θεσσαλονίκη πάτρα ηράκλειο λάρισα βόλος ιωάννινα χανιά καλαμάτα ρόδος κέρκυρα πειραιάς τρίπολη σέρρες ξάνθη
    και του της την των στο στη από για με που είναι ήταν θα δεν μετά πριν πολύ μεγάλος μικρός νέος παλιός κόκκινο άσπρο
    μαύρο πράσινο μπλε κίτρινο πόρτα παράθυρο νερό ψωμί γάλα τυρί αυγό μήλο κρασί μπύρα καφές τσάι ευχαριστώ παρακαλώ
    καλημέρα δευτέρα τρίτη τετάρτη πέμπτη παρασκευή σάββατο κυριακή ιανουάριος φεβρουάριος μάρτιος απρίλιος μάιος";
